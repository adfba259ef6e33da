# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checks of a transfer when the model is built."""

from collections.abc import Collection, Mapping
from typing import Any

import torch
from mmengine.structures import BaseDataElement, PixelData
from torch import nn

from dynkd.models.schedules import Progress
from dynkd.models.stores import stored
from dynkd.models.streams import (
    DRY_BATCH,
    Stream,
    check_augments,
    in_roi_head,
    is_detr_like,
    masks_with_boxes,
    missing_stream,
    stage_of,
)
from dynkd.models.taps import Tap

from .classes import class_channels
from .gradients import TargetLeaves
from .labelled_pixels import learns_from_pixels
from .transfer import Transfer

#: Parts of a DETR whose outputs belong to its queries.
_QUERIES = ('decoder', 'bbox_head', 'query_embedding', 'dn_query_generator')


def check_transfer(
    transfer: Transfer,
    streams: Mapping[str, Stream],
    stores: Collection[str],
    frozen_in: Mapping[str, str],
) -> None:
    """Check that a transfer joins taps that exist and can teach and learn.

    Args:
        transfer (Transfer): The transfer.
        streams (dict[str, Stream]): The streams by name.
        stores (collection of str): Names of the stores.
        frozen_in (dict[str, str]): The streams that are frozen in a phase in which the
            transfer acts, and that phase.

    Raises:
        ValueError: If it names an unknown stream or module, has a target that is
            frozen or, where its weight is balanced, has no task loss, compares RoIs of
            different proposals or queries of different models, or joins streams that
            mix the images of one input differently.
    """
    for tap in transfer.sources:
        _check_tap(stored(tap) if tap.stream in stores else tap, streams, stores)
    for tap in transfer.targets:
        _check_tap(tap, streams, stores)
    transfer.token_maps.find(streams)
    transfer.classes = class_channels(transfer.targets, streams)
    _check_positives(transfer, streams)
    _check_pixels(transfer, streams[transfer.learner])
    _check_learner(transfer, streams, frozen_in)
    if transfer.balance is not None and not streams[transfer.learner].has_task:
        raise ValueError(
            'its weight is balanced with the task loss of the stream '
            f'`{transfer.learner}`, which has none (`loss_weight=0`). Give the '
            'transfer a number, or the stream its loss.'
        )
    if not transfer.detach_source:
        _check_teachers(transfer, streams, stores)
    for source, target in transfer.pairs:
        _check_proposals(source, target, streams, frozen_in)
        _check_queries(source, target, streams)
        check_augments(source, target, streams)


def _check_tap(
    tap: Tap, streams: Mapping[str, Stream], stores: Collection[str]
) -> None:
    """Reject a tap of a stream or module that does not exist."""
    if tap.stream not in streams:
        also = f' Stores, for sources: {", ".join(stores)}.' if stores else ''
        raise ValueError(f'tap `{tap}`: {missing_stream(tap.stream, streams)}{also}')
    try:
        tap.find(streams[tap.stream].model)
    except ValueError as error:
        lacks = tap.root == 'branches' and streams[tap.stream].branches is None
        hint = f' The stream `{tap.stream}` has no `branches`.' if lacks else ''
        raise ValueError(f'{error}{hint}') from error


def _check_positives(transfer: Transfer, streams: Mapping[str, Stream]) -> None:
    """Reject counting the positives of what has no classification loss."""
    tap = transfer.positives
    if tap is None:
        return
    modules = dict(streams[tap.stream].model.named_modules())
    if tap.module not in modules or in_roi_head(tap):
        raise ValueError(
            'its loss is divided by the positives, which the classification loss of '
            f'a dense detector knows: `{tap.module}`, which `{tap.stream}` has not. '
            "Take another `reduction` than 'positives'."
        )


def _check_pixels(transfer: Transfer, learner: Stream) -> None:
    """Reject leaving out pixels by labels that no pixel has."""
    if transfer.ignore_index is not None and not learns_from_pixels(learner.model):
        raise ValueError(
            f'`ignore_index` leaves pixels out by their labels, and `{learner.name}` '
            'learns from none: it is for segmentors.'
        )


def _check_learner(
    transfer: Transfer, streams: Mapping[str, Stream], frozen_in: Mapping[str, str]
) -> None:
    """Reject a target that does not learn while the transfer acts."""
    target = transfer.learner
    if streams[target].cfg.frozen or target in frozen_in:
        where = f' in phase `{frozen_in[target]}`' if target in frozen_in else ''
        raise ValueError(
            f'its target `{transfer.targets[0]}` lies in the stream `{target}`, which '
            f'is frozen{where} and cannot learn. Train that stream, or leave the '
            'transfer out.'
        )


def _check_teachers(
    transfer: Transfer, streams: Mapping[str, Stream], stores: Collection[str]
) -> None:
    """Reject sources that should learn but cannot."""
    for source in transfer.sources:
        if source.stream in stores or streams[source.stream].cfg.frozen:
            kind = 'store' if source.stream in stores else 'frozen stream'
            raise ValueError(
                f'`detach_source=False` lets the source learn, but `{source}` lies in '
                f'the {kind} `{source.stream}`.'
            )


def _check_proposals(
    source: Tap,
    target: Tap,
    streams: Mapping[str, Stream],
    frozen_in: Mapping[str, str],
) -> None:
    """Reject a comparison of RoI outputs that belong to different boxes."""
    pair = (source.stream, target.stream)
    if pair[0] == pair[1] or not (in_roi_head(source) or in_roi_head(target)):
        return
    shared = [
        (provider, reader)
        for provider, reader in (pair, pair[::-1])
        if reader in streams and streams[reader].cfg.proposals == provider
    ]
    if not shared:
        raise ValueError(
            f'`{source}` and `{target}` belong to proposals that each stream samples '
            "for itself, and are not comparable. Let one stream classify the other's: "
            "`teacher=dict(proposals='student', …)`."
        )
    for provider, reader in shared:
        if streams[provider].cfg.frozen or provider in frozen_in:
            raise ValueError(
                f'`{reader}` takes the proposals of `{provider}`, which is frozen and '
                f'samples none. Reverse it: `{provider}=dict(proposals={reader!r}, '
                '…)`.'
            )
        _check_stages(source, target, streams, reader)


def _check_stages(
    source: Tap, target: Tap, streams: Mapping[str, Stream], reader: str
) -> None:
    """Reject a comparison of RoI outputs of different stages of a cascade."""
    shared = streams[reader].proposals
    own, other = (source, target) if source.stream == reader else (target, source)
    stages = stage_of(own), stage_of(other)
    if 'roi_head.mask_head' in own.module and masks_with_boxes(
        streams[other.stream].model
    ):
        raise ValueError(
            f'`{other.stream}` cuts masks out of the features of its boxes: its '
            f'RoIs for masks are not known to `{reader}`. Give it a '
            '`mask_roi_extractor`.'
        )
    if shared is None or stages[0] is None or stages[1] is None:
        return
    fitting = shared.source_stage(stages[0])
    if fitting != stages[1]:
        raise ValueError(
            f'`{own}` classifies the boxes of stage {fitting} of '
            f'`{other.stream}`, and `{other}` those of stage {stages[1]}. Tap the same '
            'stage of both.'
        )


def _check_queries(source: Tap, target: Tap, streams: Mapping[str, Stream]) -> None:
    """Reject a comparison of the queries of two DETRs."""
    taps = [tap for tap in (source, target) if tap.stream in streams]
    if len({tap.stream for tap in taps}) < 2:
        return
    if all(
        tap.root in _QUERIES and is_detr_like(streams[tap.stream].model) for tap in taps
    ):
        raise ValueError(
            f'`{source}` and `{target}` belong to queries, which two DETRs do not have '
            'in a common order: the same row is another object. Tap the memory, '
            '`encoder`, or the `neck` or `backbone`.'
        )


def dry_run_transfer(
    transfer: Transfer, yielded: Mapping[Tap, Any], streams: Mapping[str, Stream]
) -> None:
    """Run a transfer on what its taps yielded in a dry run of the streams.

    It receives labels if it needs data samples. A part that needs more of them than a
    label is left for the first step.

    Args:
        transfer (Transfer): The transfer.
        yielded (dict[Tap, Any]): What the taps yielded.
        streams (dict[str, Stream]): The streams by name.

    Raises:
        ValueError: If it cannot work on what its taps yield.
    """
    # The head's losses, which know the positives, are not computed in a dry run.
    unknown = {tap: torch.ones(()) for tap in transfer.taps if tap.needs_losses}
    yielded = {**yielded, **unknown}
    samples = [BaseDataElement(gt_label=torch.zeros(1)) for _ in range(DRY_BATCH)]
    if transfer.ignore_index is not None:
        for sample in samples:
            sample.gt_sem_seg = PixelData(data=torch.zeros(1, 1, 1))
    running: list[nn.Module] = []
    handles = [
        part.register_forward_pre_hook(lambda own, args: running.append(own))
        for part in transfer.children()
    ]
    leaves = TargetLeaves(transfer, yielded)
    labelled = {transfer.learner: samples}
    try:
        with torch.enable_grad():
            loss = transfer.compare(leaves.outputs, labelled, Progress.beginning())
            leaves.check(loss)
    except (AssertionError, AttributeError, KeyError, TypeError) as error:
        if running and transfer.needs_data_samples(running[-1]):
            return
        if not running or not isinstance(error, AssertionError):
            raise
        part = type(running[-1]).__name__
        raise ValueError(f'{part}: {error or "an assertion failed"}') from error
    except (ValueError, RuntimeError) as error:
        names = dict.fromkeys(tap.stream for tap in transfer.taps)
        shapes = [streams[n].cfg.input_shape for n in names if n in streams]
        shown = ' and '.join(map(str, dict.fromkeys(shapes)))
        raise ValueError(
            f'{str(error).rstrip(".")}. This is from a dry run on inputs of the '
            f"streams' input_shape={shown}: "
            'set that to the size of the images if they have another.'
        ) from error
    finally:
        for handle in handles:
            handle.remove()
