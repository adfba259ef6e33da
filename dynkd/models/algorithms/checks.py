# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is checked when a distillation is built, before hours are spent on it."""

from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import print_log

from dynkd.utils import RandomState

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
            is frozen, or compares RoIs of different proposals.
    """
    for name, transfer in model.transfers.items():
        for tap in transfer.taps:
            if tap.stream not in model.specs:
                raise ValueError(
                    f'transfer `{name}`: tap `{tap}` names the stream '
                    f'`{tap.stream}`, which does not exist. '
                    f'Streams: {", ".join(model.specs)}.'
                )
            try:
                tap.find(model.stream(tap.stream))
            except ValueError as error:
                raise ValueError(f'transfer `{name}`: {error}') from error
        _check_learner(model, name, transfer)
        _check_proposals(model, name, transfer)


def _rests(model: 'Distillation', name: str, stream: str) -> bool:
    """Whether a stream is frozen, always or in a phase in which a transfer acts."""
    return model.specs[stream].frozen or any(
        phase.acts(name) and stream in phase.frozen for phase in model.phases
    )


def _check_learner(model: 'Distillation', name: str, transfer: Transfer) -> None:
    """Refuse a target that does not learn while the transfer acts."""
    target, source = transfer.target.stream, transfer.source.stream
    resting = [p.name for p in model.phases if p.acts(name) and target in p.frozen]
    if model.specs[target].frozen or resting:
        where = f' in phase `{resting[0]}`' if resting else ''
        raise ValueError(
            f'transfer `{name}`: its target `{transfer.target}` lies in the stream '
            f'`{target}`, which is frozen{where} and cannot learn. Train that stream, '
            'or leave the transfer out.'
        )
    if not transfer.detach_source and model.specs[source].frozen:
        raise ValueError(
            f'transfer `{name}`: `detach_source=False` lets the source learn, but the '
            f'stream `{source}` is frozen.'
        )


def _check_proposals(model: 'Distillation', name: str, transfer: Transfer) -> None:
    """Refuse to compare RoI outputs that belong to different boxes."""
    source, target = transfer.taps
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


def try_out(model: 'Distillation') -> None:
    """Run every stream and transfer once on random inputs, without a graph.

    What only shows when tensors flow (a tap that yields nothing, channels that do not
    fit) then stops the run when it is built and not after its data are loaded. A model
    that cannot run on random inputs, or a loss that needs data samples, is left for the
    first step. Random numbers and buffers are as they were before.

    Args:
        model (Distillation): The distillation.

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
        for name, transfer in model.transfers.items():
            if all(tap in yielded for tap in transfer.taps):
                _try_transfer(name, transfer, yielded)
    finally:
        model.train(training)
        state.restore()


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


def _try_transfer(name: str, transfer: Transfer, yielded: dict[Tap, Any]) -> None:
    """Run a transfer on what its taps yielded, unless it needs data samples."""
    if names_data_samples(transfer):
        return
    try:
        with torch.no_grad():
            transfer.compare(yielded, {})
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f'transfer `{name}` ({transfer.source} -> {transfer.target}): {error}'
        ) from error
