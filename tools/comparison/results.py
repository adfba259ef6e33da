# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What came out of a training, as a small file that is kept."""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dynkd.utils import RunLog, checked
from dynkd.utils.atomic import write_text

from .seconds import seconds_of
from .spec import Comparison
from .trainings import Training


@checked
@dataclass(frozen=True)
class Result:
    """What came out of a training.

    Args:
        row (str): Name of the row.
        seed (int): The seed.
        config (str): The config, relative to the project.
        key (str): What tells the training from others.
        epochs (int): Its length.
        curves (dict[str, dict[str, float]]): The metrics, ``student/coco/bbox_mAP`` for
            example, each by epoch. A value may be NaN.
        minutes (float): How long it took, validation included.
        step (dict): Median wall and CPU seconds of a step, and parameters by stream.
    """

    row: str
    seed: int
    config: str
    key: str
    epochs: int
    curves: dict[str, dict[str, Any]]
    minutes: float
    step: dict

    def curve(self, stream: str, metric: str) -> dict[int, float]:
        """A metric of a stream.

        Args:
            stream (str): The stream.
            metric (str): The metric.

        Returns:
            dict[int, float]: Its values by epoch.

        Raises:
            ValueError: If it was not validated.
        """
        name = f'{stream}/{metric}' if stream else metric
        if name not in self.curves:
            raise ValueError(
                f'{self.row}, seed {self.seed}: there is no `{name}`. There is: '
                f'{", ".join(self.curves) or "nothing"}.'
            )
        return {int(epoch): value for epoch, value in self.curves[name].items()}

    def last(self, stream: str, metric: str) -> float:
        """The value at the last validation.

        Args:
            stream (str): The stream.
            metric (str): The metric.

        Returns:
            float: The value.
        """
        curve = self.curve(stream, metric)
        return curve[max(curve)]

    def best(self, stream: str, comparison: Comparison) -> tuple[int, float]:
        """The best epoch by the first metric.

        Args:
            stream (str): The stream.
            comparison (Comparison): What says which metric, and whether low is good.

        Returns:
            tuple[int, float]: The epoch and its value.
        """
        curve = self.curve(stream, comparison.metrics[0])
        choose = min if comparison.lower_is_better else max
        epoch = choose(curve, key=lambda one: curve[one])
        return epoch, curve[epoch]

    def check(self, training: Training, comparison: Comparison) -> None:
        """See whether all is there that the table shows.

        Args:
            training (Training): The training.
            comparison (Comparison): What says which metrics.

        Raises:
            ValueError: If a metric of a stream is not.
        """
        for stream in training.streams:
            for metric in comparison.metrics:
                self.last(stream, metric)


class ResultStore:
    """The folder with a file for each training.

    Args:
        folder (Path): The folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._refused: set[Path] = set()

    def load(
        self, training: Training, comparison: Comparison, stale: bool = False
    ) -> Result | None:
        """What came out of a training.

        Args:
            training (Training): The training.
            comparison (Comparison): What says which metrics.
            stale (bool): Whether what came out of another config will do. Defaults to
                False.

        Returns:
            Result or None: What came out; None if it was not trained, or with another
            config, or where a metric was not kept, or the file is damaged.
        """
        result = self._read(self._file(training))
        if result is None or not stale and result.key != training.key:
            return None
        try:
            result.check(training, comparison)
        except ValueError:
            return None
        return result

    def collect(self, training: Training, comparison: Comparison) -> Result:
        """Keep what a training logged.

        Args:
            training (Training): The training, which is done.
            comparison (Comparison): What says which metrics.

        Returns:
            Result: What came out.

        Raises:
            FileNotFoundError: If nothing was logged.
            ValueError: If a metric was not logged.
        """
        log = RunLog(training.work_dir)
        curves = {
            name: {str(step): value for step, value in log.curve(name).items()}
            for name in _logged(log, comparison.metrics)
        }
        result = Result(
            row=training.row.name,
            seed=training.seed,
            config=training.row.config,
            key=training.key,
            epochs=training.epochs,
            curves=curves,
            minutes=seconds_of(training.work_dir) / 60,
            step=_read_cost(training.work_dir / 'step_cost.json'),
        )
        try:
            result.check(training, comparison)
        except ValueError as error:
            logged = sorted({key for record in log.records for key in record})
            raise ValueError(f'{error} The run logged: {", ".join(logged)}.') from error
        text = json.dumps(dataclasses.asdict(result), indent=1) + '\n'
        write_text(self._file(training), text, shared=True)
        return result

    def _read(self, file: Path) -> Result | None:
        """Read a file; None if it is not there, or holds no result, which is said."""
        try:
            return Result(**json.loads(file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            if file not in self._refused:
                self._refused.add(file)
                _pass_over(file, f'no result that this version can read: {error}')
            return None

    def _file(self, training: Training) -> Path:
        return self.folder / f'{training.row.folder}_seed{training.seed}.json'


def _read_cost(file: Path) -> dict[str, Any]:
    """Read what a step took; empty if that is not there, or damaged, which is said."""
    if not file.is_file():
        return {}
    try:
        return dict(json.loads(file.read_text()))
    except (ValueError, TypeError) as error:
        _pass_over(file, f'no cost of a step: {error}')
        return {}


def _pass_over(file: Path, reason: str) -> None:
    """Say what a file does not hold."""
    print(f'Passed over: {file} holds {reason}', file=sys.stderr)


def _logged(log: RunLog, metrics: tuple[str, ...]) -> list[str]:
    """The names under which metrics were logged: of every stream."""
    names = {key for record in log.records for key in record}
    return sorted(
        name
        for name in names
        if any(name == metric or name.endswith(f'/{metric}') for metric in metrics)
    )
