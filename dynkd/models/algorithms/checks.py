# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checks of a distillation when it is built."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from dynkd.models.stores import History
from dynkd.models.streams import Stream, check_stored
from dynkd.models.taps import Tap
from dynkd.models.transfers import Transfer, check_transfer, dry_run_transfer
from dynkd.utils import RandomState, named

from .phase import Phase


def check_transfers(
    transfers: Mapping[str, Transfer],
    streams: Mapping[str, Stream],
    stores: Sequence[str],
    phases: Sequence[Phase],
) -> None:
    """Check that every transfer joins taps that exist and can teach and learn.

    Args:
        transfers (dict[str, Transfer]): The transfers by name.
        streams (dict[str, Stream]): The streams by name.
        stores (sequence of str): Names of the stores.
        phases (sequence of Phase): The phases.

    Raises:
        ValueError: If one does not; names the transfer.
    """
    for name, transfer in transfers.items():
        acting = [phase for phase in reversed(phases) if phase.acts(name)]
        frozen_in = {stream: p.name for p in acting for stream in p.frozen}
        with named(f'transfer `{name}`'):
            check_transfer(transfer, streams, stores, frozen_in)


def dry_run(
    model: nn.Module,
    streams: Mapping[str, tuple[Stream, Sequence[Tap]]],
    transfers: Mapping[str, Transfer],
    history: History,
) -> dict[Tap, Any]:
    """Run every stream and transfer once on random inputs, without a graph.

    Errors that only show when tensors flow (a tap that yields nothing, channels that do
    not fit) then stop the run when it is built, and not after its data are loaded. A
    model that cannot run on random inputs, or a loss that needs data samples, is left
    for the first step. Random states and buffers stay unchanged.

    Args:
        model (nn.Module): The distillation, whose mode is kept.
        streams (dict[str, tuple]): The streams, each with its taps, by name.
        transfers (dict[str, Transfer]): The transfers by name.
        history (History): The stores, which the dry run also sizes.

    Returns:
        dict[Tap, Any]: What the taps of the streams that could run yielded.

    Raises:
        TapError: If a tap does not yield what it should.
        ValueError: If a transfer cannot work on what its taps yield, or a store cannot
            keep its taps.
    """
    state = RandomState.capture()
    training = model.training
    model.eval()
    try:
        yielded: dict[Tap, Any] = {}
        for stream, taps in streams.values():
            yielded.update(stream.dry_run(taps))
        yielded.update(history.stand_in(yielded))
        every = {name: stream for name, (stream, _) in streams.items()}
        for name, transfer in transfers.items():
            if all(tap in yielded or tap.needs_losses for tap in transfer.taps):
                with named(f'transfer `{name}` ({transfer})'):
                    dry_run_transfer(transfer, yielded, every)
    finally:
        model.train(training)
        state.restore()
    history.check(yielded, [name for name, own in every.items() if own.cfg.frozen])
    check_stored(history.kept, every)
    return yielded
