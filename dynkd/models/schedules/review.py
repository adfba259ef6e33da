# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The schedule that starts again whenever the learning rate drops."""

from bisect import bisect_right

from dynkd.registry import SCHEDULES

from .progress import Progress
from .schedules import Schedule


@SCHEDULES.register_module()
class ReviewSchedule(Schedule):
    """In equal steps from ``start`` to ``stop``, again at each learning-rate drop.

    The review schedule of section 3.3 of `Interactive Knowledge Distillation`. When the
    learning rate drops, the number is ``start`` again; in the last epoch before the
    next drop, and in the last of the training, it is ``stop``. An interval of a single
    epoch has ``start`` (ours).

    Where the learning rate drops is read from the run's own schedules by
    :class:`~dynkd.engine.hooks.LearningRateHook`, which the run is given. In a training
    that counts iterations, iterations take the place of epochs.

    Args:
        start (float): The number at the beginning of each interval.
        stop (float): The number at the end of each interval. Defaults to 1.0.
        stream (str): The stream whose learning rate counts, where each stream has an
            optimizer of its own. Defaults to ``'student'``.

    Raises:
        RuntimeError: When called, if there is no ``LearningRateHook``.
        ValueError: When called, if the stream has no learning rate of its own, or one
            that does not fall in steps.
    """

    def __init__(
        self, start: float, stop: float = 1.0, stream: str = 'student'
    ) -> None:
        super().__init__(by_epoch=False)  # it counts what the training counts
        self.start = start
        self.stop = stop
        self.stream = stream

    def value(self, since: int, progress: Progress) -> float:
        """See :meth:`Schedule.value`."""
        drops = self._drops(progress)
        done, total = progress.epoch, progress.max_epochs
        if not progress.by_epoch:
            done, total = progress.iter, progress.max_iters
        if total is None:
            raise RuntimeError(
                'ReviewSchedule: no runner says how long the training is.'
            )
        passed = bisect_right(drops, done)
        begin = drops[passed - 1] if passed else 0
        end = drops[passed] if passed < len(drops) else total
        fraction = min((done - begin) / max(end - 1 - begin, 1), 1.0)
        return self.start + (self.stop - self.start) * fraction

    def _drops(self, progress: Progress) -> tuple[int, ...]:
        """Where the learning rate of the stream drops."""
        if progress.lr_drops is None:
            raise RuntimeError(
                'ReviewSchedule does not know where the learning rate drops. Add '
                "`dict(type='dynkd.LearningRateHook')` to `custom_hooks`."
            )
        reasons = progress.lr_without_steps or {}
        # One optimizer for all streams has no name.
        for name in (self.stream, ''):
            if name in progress.lr_drops:
                return progress.lr_drops[name]
            if name in reasons:
                raise ValueError(
                    'ReviewSchedule starts again at each step of the learning rate'
                    + (f' of `{name}`' if name else '')
                    + f', but {reasons[name]} Use a `MultiStepLR`, or another schedule '
                    'than this one.'
                )
        known = ', '.join([*progress.lr_drops, *reasons])
        raise ValueError(
            f'ReviewSchedule: the stream `{self.stream}` has no learning rate of its '
            f'own. Those that have: {known}.'
        )
