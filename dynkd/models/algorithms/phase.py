# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Phases: which transfers act, and which streams are frozen, at which time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from dynkd.models.schedules import Progress
from dynkd.utils import at, checked, without_scope
from dynkd.utils.kinds import Index, Text


@checked
@dataclass
class Phase:
    """A part of the training with transfers and frozen streams of its own.

    The paper's "Static + Dynamic" (`General Dynamic Knowledge Distillation`, section
    III-D) is two phases: in the first the teacher is frozen and a feature loss brings
    the streams together, in the second both learn.

    Args:
        name (str): Name of the phase, for logs and messages.
        begin (int): Epoch (or iteration) at which the phase begins. Defaults to 0.
        by_epoch (bool): Whether ``begin`` counts epochs. Defaults to True.
        transfers (list[str], optional): The transfers that act. Defaults to None: all.
        frozen (list[str]): Streams that are frozen: they run in evaluation mode without
            a graph, and no optimizer moves them. Defaults to ().
    """

    name: Text
    begin: Index = 0
    by_epoch: bool = True
    transfers: Optional[list[str]] = None
    frozen: Sequence[str] = ()

    def has_begun(self, progress: Progress) -> bool:
        """Whether the phase has begun.

        Args:
            progress (Progress): How far the training is.

        Returns:
            bool: Whether it has.
        """
        return self.begin <= (progress.epoch if self.by_epoch else progress.iter)

    def acts(self, transfer: str) -> bool:
        """Whether a transfer acts in this phase.

        Args:
            transfer (str): Name of the transfer.

        Returns:
            bool: Whether it does.
        """
        return self.transfers is None or transfer in self.transfers


def build_phases(cfgs: Sequence[dict]) -> list[Phase]:
    """Read the configs of phases.

    Args:
        cfgs (list[dict]): The fields of each phase.

    Returns:
        list[Phase]: The phases.
    """
    phases = []
    for index, cfg in enumerate(cfgs):
        with at(f'phases[{index}]'):
            phases.append(Phase(**without_scope(cfg)))
    return phases


def check_phases(
    phases: Sequence[Phase], streams: Sequence[str], transfers: Sequence[str]
) -> None:
    """Check that phases follow one another and name what exists.

    Args:
        phases (sequence of Phase): The phases.
        streams (sequence of str): Names of the streams.
        transfers (sequence of str): Names of the transfers.

    Raises:
        ValueError: If they do not begin at 0, do not follow one another, count in
            different units, have the same name, freeze every stream, or name an
            unknown stream or transfer.
    """
    begins = [phase.begin for phase in phases]
    if begins[0] != 0 or any(a >= b for a, b in zip(begins, begins[1:])):
        raise ValueError(
            'phases must begin at 0 and follow one another, but begin at '
            f'{", ".join(map(str, begins))}.'
        )
    if len({phase.by_epoch for phase in phases}) > 1:
        raise ValueError('phases must all count epochs or all count iterations.')
    names = [phase.name for phase in phases]
    for phase in phases:
        if names.count(phase.name) > 1:
            raise ValueError(
                f'two phases are named `{phase.name}`: logs and messages could not '
                'tell them apart.'
            )
        if set(streams) <= set(phase.frozen):
            raise ValueError(
                f'phase `{phase.name}` freezes every stream: there is nothing to train '
                'in it.'
            )
        for kind, named, known in (
            ('transfer', phase.transfers or (), transfers),
            ('stream', phase.frozen, streams),
        ):
            unknown = [name for name in named if name not in known]
            if unknown:
                raise ValueError(
                    f'phase `{phase.name}` names the {kind} `{unknown[0]}`, which does '
                    f'not exist. There are: {", ".join(known) or "none"}.'
                )


def phase_at(phases: Sequence[Phase], progress: Progress) -> Phase:
    """The phase in which the training is.

    Args:
        phases (sequence of Phase): The phases, in order.
        progress (Progress): How far the training is.

    Returns:
        Phase: The last phase that has begun.
    """
    return [phase for phase in phases if phase.has_begun(progress)][-1]
