# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Streams with transfers between them, in phases; and what others ask of these."""

from collections.abc import Iterator, Sequence
from typing import Any, Optional

from torch import nn

from dynkd.models.schedules import BoundedSchedule, ReviewSchedule, Schedule
from dynkd.models.stores import History, build_stores
from dynkd.models.taps import Tap
from dynkd.models.transfers import Transfer, build_transfers, starts_from_scratch

from .checks import check_transfers
from .phase import build_phases, check_phases
from .streamed_model import StreamedModel


class TransferModel(StreamedModel):
    """Streams with transfers between them, in phases.

    It builds and checks what a :class:`~dynkd.models.algorithms.Distillation` runs, and
    answers what hooks, loops and optimizers ask.

    Args:
        streams (dict[str, dict, str or nn.Module]): The streams by name.
        transfers (dict[str, dict], optional): The transfers by name, or groups of them.
            Defaults to None.
        phases (list[dict], optional): The phases. Defaults to None: one, in which all
            transfers act.
        data_preprocessor (dict, optional): The data preprocessor of streams whose model
            names none. Defaults to None.
        stores (dict[str, dict], optional): The stores by name. Defaults to None.

    Raises:
        ValueError: If streams, transfers and phases do not fit each other.
    """

    def __init__(
        self,
        streams: dict[str, Any],
        transfers: Optional[dict[str, Any]] = None,
        phases: Optional[list[dict]] = None,
        data_preprocessor: Optional[dict] = None,
        stores: Optional[dict[str, Any]] = None,
    ) -> None:
        super().__init__(streams, data_preprocessor)
        self.transfers = nn.ModuleDict(
            build_transfers(transfers or {}, self.all_streams)
        )
        #: Whether a teacher without a checkpoint is meant, as EKD's is.
        self.teacher_from_scratch = starts_from_scratch(transfers or {})
        self.stores = build_stores(stores or {}, self.all_streams)
        sources = [tap for t in self._transfers.values() for tap in t.sources]
        self.history = History(self.stores, sources)
        self.phases = build_phases(phases or [dict(name='all')])
        check_phases(self.phases, list(self.streams), list(self.transfers))
        check_transfers(
            self._transfers, self.all_streams, list(self.stores), self.phases
        )

    @property
    def _transfers(self) -> dict[str, Transfer]:
        """dict[str, Transfer]: The transfers by name, with their type."""
        return dict(self.transfers.items())  # type: ignore[arg-type]  # of modules

    def leaves_unused(self) -> dict[str, str]:
        """What leaves parameters without a gradient in some steps.

        Returns:
            dict[str, str]: The parameters, by what leaves them unused.
        """
        modules = [n for n, t in self._transfers.items() if list(t.parameters())]
        unused = {}
        for phase in self.phases:
            names = list(phase.frozen) + [n for n in modules if not phase.acts(n)]
            if names:
                unused[f'phase `{phase.name}`'] = f'of `{names[0]}`'
        return unused

    def compiles_again(self) -> Optional[str]:
        """Why ``torch.compile`` would compile again and again, step after step.

        Returns:
            str or None: The reason, for a message; None where steps are alike.
        """
        return None

    def mixes_statistics(self) -> Optional[str]:
        """Why running statistics of the main stream are not those of its model alone.

        Returns:
            str or None: The reason, for a message; None where they are its own at the
            end of the training.
        """
        return None

    def schedule_owners(self) -> dict[str, object]:
        """What may keep a schedule.

        Returns:
            dict[str, object]: Objects by name; their attributes may be schedules.
        """
        return dict(self.named_modules())

    def schedules(self) -> Iterator[tuple[str, Schedule]]:
        """The schedules of transfers and methods.

        Yields:
            tuple[str, Schedule]: What has one, for messages, and the schedule.
        """
        for name, owner in self.schedule_owners().items():
            for value in vars(owner).values():
                found = value.schedule if isinstance(value, BoundedSchedule) else value
                if isinstance(found, Schedule):
                    yield f'`{name}`', found

    @property
    def needed_hooks(self) -> list[str]:
        """list[str]: Hooks that belong to its training; a runner adds them."""
        names = ['RunCheckHook', 'ExactResumeHook', 'ExportHook', 'ResultHook']
        if self.stores:
            names.append('StoreHook')
        if any(isinstance(own, ReviewSchedule) for _, own in self.schedules()):
            names.append('LearningRateHook')
        return names

    def taps(
        self, stream: str, transfers: Optional[Sequence[Transfer]] = None
    ) -> list[Tap]:
        """The taps of a stream that transfers and stores read.

        Args:
            stream (str): Name of the stream.
            transfers (sequence of Transfer, optional): The transfers. Defaults to None:
                those of all phases.

        Returns:
            list[Tap]: The taps, each once.
        """
        reading = self._transfers.values() if transfers is None else transfers
        taps = [tap for transfer in reading for tap in transfer.taps]
        taps += self.history.taps
        return list(dict.fromkeys(tap for tap in taps if tap.stream == stream))

    def init_weights(self) -> None:
        """Initialise what neither a checkpoint nor a builder has."""
        super().init_weights()
        for transfer in self._transfers.values():
            transfer.init_weights()
