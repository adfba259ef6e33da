# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is checked when a distillation is built, before hours are spent on it."""

from typing import TYPE_CHECKING, Any

import torch
import torch.nn as nn
from mmengine.logging import print_log
from mmengine.structures import BaseDataElement

from dynkd.models.stores import check_batch_augments
from dynkd.utils import RandomState

from .augment_checks import check_augments
from .history import stand_in, stored
from .observe import is_observable, observe
from .proposals import in_roi_head
from .tap import Tap, TapError, collect
from .transfer import Transfer, names_data_samples

if TYPE_CHECKING:
    from .distillation import Distillation

#: Images (RoIs) in the batch on which taps are tried out.
_BATCH = 4


def check_transfers(model: 'Distillation') -> None:
    """Check that every transfer joins taps that exist and can teach and learn.

    Args:
        model (Distillation): The distillation, built up to its transfers.

    Raises:
        ValueError: If a transfer names an unknown stream or module, has a target that
            is frozen, compares RoIs of different proposals, or joins streams that mix
            the images of one input differently.
    """
    for name, transfer in model.transfers.items():
        for tap in transfer.sources:
            _check_tap(model, name, stored(tap) if tap.stream in model.stores else tap)
        for tap in transfer.targets:
            _check_tap(model, name, tap)
        _check_learner(model, name, transfer)
        for source, target in transfer.pairs:
            _check_proposals(model, name, source, target)
            check_augments(model, name, source, target)


def _check_tap(model: 'Distillation', name: str, tap: Tap) -> None:
    """Refuse a tap of a stream or module that does not exist."""
    if tap.stream not in model.specs:
        stores = f' Stores, for sources: {", ".join(model.stores)}.'
        raise ValueError(
            f'transfer `{name}`: tap `{tap}` names the stream `{tap.stream}`, which '
            f'does not exist. Streams: {", ".join(model.specs)}.'
            + (stores if model.stores else '')
        )
    try:
        tap.find(model.stream(tap.stream))
    except ValueError as error:
        hint = ''
        if tap.root == 'branches' and model.specs[tap.stream].branches is None:
            hint = f' The stream `{tap.stream}` has no `branches`.'
        raise ValueError(f'transfer `{name}`: {error}{hint}') from error


def _rests(model: 'Distillation', name: str, stream: str) -> bool:
    """Whether a stream is frozen, always or in a phase in which a transfer acts."""
    return model.specs[stream].frozen or any(
        phase.acts(name) and stream in phase.frozen for phase in model.phases
    )


def _check_learner(model: 'Distillation', name: str, transfer: Transfer) -> None:
    """Refuse a target that does not learn while the transfer acts."""
    target = transfer.learner
    resting = [p.name for p in model.phases if p.acts(name) and target in p.frozen]
    if model.specs[target].frozen or resting:
        where = f' in phase `{resting[0]}`' if resting else ''
        raise ValueError(
            f'transfer `{name}`: its target `{transfer.targets[0]}` lies in the stream '
            f'`{target}`, which is frozen{where} and cannot learn. Train that stream, '
            'or leave the transfer out.'
        )
    if transfer.detach_source:
        return
    for source in transfer.sources:
        if source.stream in model.stores or model.specs[source.stream].frozen:
            kind = 'store' if source.stream in model.stores else 'frozen stream'
            raise ValueError(
                f'transfer `{name}`: `detach_source=False` lets the source learn, but '
                f'`{source}` lies in the {kind} `{source.stream}`.'
            )


def _check_proposals(
    model: 'Distillation', name: str, source: Tap, target: Tap
) -> None:
    """Refuse to compare RoI outputs that belong to different boxes."""
    if source.stream == target.stream or not (
        in_roi_head(source) or in_roi_head(target)
    ):
        return
    pair = (source.stream, target.stream)
    shared = [
        s
        for s in model._shared.values()
        if (s.provider, s.reader) in (pair, pair[::-1])
    ]
    if not shared:
        raise ValueError(
            f'transfer `{name}`: `{source}` and `{target}` belong to proposals that '
            'each stream samples for itself, and are not comparable. Let one stream '
            "classify the other's: `teacher=dict(proposals='student', …)`."
        )
    for provider, reader in ((s.provider, s.reader) for s in shared):
        if _rests(model, name, provider):
            raise ValueError(
                f'transfer `{name}`: `{reader}` takes the proposals of `{provider}`, '
                'which is frozen and samples none. Turn it round: '
                f'`{provider}=dict(proposals={reader!r}, …)`.'
            )


def check_history(model: 'Distillation', yielded: dict[Tap, Any]) -> None:
    """Check that stores can keep what they are to keep, and tell them how much it is.

    Args:
        model (Distillation): The distillation.
        yielded (dict[Tap, Any]): What its taps yielded on random inputs.

    Raises:
        ValueError: If a stored tap lies in a frozen stream, which says the same for
            ever; if its stream mixes images, whose labels are not the sample's; if
            what it yields is no class prediction, or too few classes for the store's
            format.
    """
    classes: dict[Tap, int] = {}
    for tap in model.history.taps:
        if model.specs[tap.stream].frozen:
            raise ValueError(
                f'a store keeps `{tap}`, but the stream `{tap.stream}` is frozen: it '
                'says the same in every epoch. Read the tap itself.'
            )
        if tap not in yielded:
            raise ValueError(
                f'a store keeps `{tap}`, but the stream `{tap.stream}` could not be '
                'tried out, so the number of classes is not known. Set its '
                '`input_shape` to one on which it runs.'
            )
        classes[tap] = yielded[tap].size(1)
    model.history.declare(classes)
    check_batch_augments(model)


def try_out(model: 'Distillation') -> dict[Tap, Any]:
    """Run every stream and transfer once on random inputs, without a graph.

    What only shows when tensors flow (a tap that yields nothing, channels that do not
    fit) then stops the run when it is built and not after its data are loaded. A model
    that cannot run on random inputs, or a loss that needs data samples, is left for the
    first step. Random numbers and buffers are as they were before.

    Args:
        model (Distillation): The distillation.

    Returns:
        dict[Tap, Any]: What the taps of the streams that could run yielded.

    Raises:
        TapError: If a tap does not yield what it should.
        ValueError: If a transfer cannot work on what its taps yield.
    """
    state = RandomState.capture()
    training = model.training
    model.eval()
    try:
        yielded: dict[Tap, Any] = {}
        for name in model.specs:
            yielded.update(_yielded(model, name))
        for readers in model.history.readers.values():
            yielded.update(stand_in(yielded, readers))
        for name, transfer in model.transfers.items():
            if all(tap in yielded for tap in transfer.taps):
                _try_transfer(model, transfer, name, yielded)
    finally:
        model.train(training)
        state.restore()
    return yielded


def _yielded(model: 'Distillation', name: str) -> dict[Tap, Any]:
    """What the taps of a stream yield on random inputs; nothing if it cannot run."""
    stream = model.stream(name)
    shared = [s for s in model._shared.values() if name in (s.provider, s.reader)]
    late: list[Tap] = [tap for tap in model.taps(name) if in_roi_head(tap) and shared]
    early = [tap for tap in model.taps(name) if tap not in late]
    if not early and not late:
        return {}
    # On the model's own device, so that a model built on a GPU is tried out there.
    device = next(stream.parameters()).device
    inputs = torch.randn(_BATCH, *model.specs[name].input_shape, device=device)
    try:
        if not is_observable(stream, early):
            return {}
        recorded = observe(stream, early, inputs)
        if late:
            rois = inputs.new_tensor([[i, 0, 0, 64, 64] for i in range(_BATCH)])
            with torch.no_grad():
                features = stream.extract_feat(inputs)
                recorded.update(shared[0].classify(stream, features, [rois], late))
    except TapError:
        raise
    except Exception as error:
        print_log(
            f'stream `{name}` cannot be tried out on random inputs of shape '
            f'{model.specs[name].input_shape} ({type(error).__name__}: {error}); its '
            'taps are checked in the first step. Its `input_shape` says which shape '
            'to try.',
            logger='current',
        )
        return {}
    return collect(recorded)


def _try_transfer(
    model: 'Distillation', transfer: Transfer, name: str, yielded: dict[Tap, Any]
) -> None:
    """Run a transfer on what its taps yielded, with labels if it needs data samples.

    A part that needs more of the data samples than a label is left for the first step.
    """
    samples = [BaseDataElement(gt_label=torch.zeros(1)) for _ in range(_BATCH)]
    running: list[nn.Module] = []
    handles = [
        part.register_forward_pre_hook(lambda own, args: running.append(own))
        for part in transfer.children()
    ]
    try:
        with torch.no_grad():
            transfer.compare(yielded, {transfer.learner: samples})
    except (AttributeError, KeyError, TypeError):
        if not running or not names_data_samples(running[-1]):
            raise
    except (ValueError, RuntimeError) as error:
        streams = dict.fromkeys(tap.stream for tap in transfer.taps)
        specs = [model.specs[stream] for stream in streams if stream in model.specs]
        shapes = ' and '.join(dict.fromkeys(str(spec.input_shape) for spec in specs))
        raise ValueError(
            f'transfer `{name}` ({transfer}): {str(error).rstrip(".")}. It was tried '
            f"out on inputs of the streams' input_shape={shapes}: set that to the size "
            'of the images if they have another.'
        ) from error
    finally:
        for handle in handles:
            handle.remove()
