# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""An evaluator for each stream."""

import logging
from collections.abc import Collection, Sequence
from typing import Any, Callable, Optional

from mmengine.evaluator import Evaluator
from mmengine.logging import print_log


class StreamEvaluator(Evaluator):
    """An evaluator for each stream, whose metrics carry the stream's name.

    Args:
        evaluators (dict[str, Evaluator]): The evaluators by stream.
        main (str): The stream whose metrics are ``metrics``: to these, test scripts of
            the plain libraries append one that writes the predictions.

    Attributes:
        fixed (list[str]): Streams that never change. They are evaluated once, and their
            metrics are repeated.
        watched (Callable): Returns the metrics that the run depends on. Those of a
            stream that predicts nothing, which has no metrics, are not numbers (NaN),
            and so are those that another stream has: they are no improvement, and the
            run goes on.
    """

    def __init__(self, evaluators: dict[str, Evaluator], main: str) -> None:
        self.evaluators = evaluators
        self.fixed: list[str] = []
        self.watched: Callable[[], list[str]] = list
        self._known: dict[str, dict[str, float]] = {}
        super().__init__([])
        self.metrics = evaluators[main].metrics
        self._main = main

    @property
    def pending(self) -> list[str]:
        """list[str]: The streams that are still to be evaluated."""
        return [name for name in self.evaluators if name not in self._known]

    @property
    def dataset_meta(self) -> Optional[dict]:
        """dict or None: Meta information of the data set."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict) -> None:
        self._dataset_meta = dataset_meta
        for evaluator in self.evaluators.values():
            evaluator.dataset_meta = dataset_meta

    def process(
        self, data_samples: dict[str, Sequence], data_batch: Any = None
    ) -> None:
        """Process the predictions of a batch.

        Args:
            data_samples (dict[str, list]): The predictions by stream.
            data_batch (dict, optional): The batch.
        """
        for name, samples in data_samples.items():
            self.evaluators[name].process(samples, data_batch)

    def evaluate(self, size: int) -> dict[str, float]:
        """Compute the metrics of every stream.

        Args:
            size (int): Number of samples in the data set.

        Returns:
            dict[str, float]: The metrics, named ``'<stream>/<metric>'``; those of the
            main stream first, of which ``save_best='auto'`` takes the first one.
        """
        metrics: dict[str, float] = {}
        found: dict[str, dict[str, float]] = {}
        for name in sorted(self.evaluators, key=lambda own: own != self._main):
            own = self._known.get(name)
            if own is None:
                if len(self.evaluators) > 1:
                    # What a metric prints, such as COCO's table, names no stream.
                    print_log(f'Evaluating `{name}` ...', logger='current')
                own = self.evaluators[name].evaluate(size)
                if name in self.fixed:
                    self._known[name] = own
            found[name] = own
        every = {key for own in found.values() for key in own}
        for name, own in found.items():
            metrics.update({f'{name}/{key}': value for key, value in own.items()})
            if not own:
                metrics.update(self._without_predictions(name, every))
        return metrics

    def _without_predictions(
        self, name: str, every: Collection[str]
    ) -> dict[str, float]:
        """The metrics of a stream that has predicted nothing, as NaN."""
        watched = [key for key in self.watched() if key.startswith(f'{name}/')]
        names = sorted({f'{name}/{key}' for key in every}.union(watched))
        if names:
            print_log(
                f'stream `{name}` has no metrics in this evaluation, as it predicts '
                f'nothing yet; {", ".join(names)} counts as no improvement.',
                logger='current',
                level=logging.WARNING,
            )
        return dict.fromkeys(names, float('nan'))
