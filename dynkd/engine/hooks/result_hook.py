# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Says at the end of a run what came out of it."""

from pathlib import Path
from typing import Any, Optional, cast

from mmengine.dist import master_only
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner

from dynkd.models.algorithms import Distillation
from dynkd.registry import HOOKS
from dynkd.utils import RunLog, unwrap
from dynkd.visualization import draw_curves

#: What MIM calls the libraries.
_PROJECTS = dict(mmdet='mmdet', mmpretrain='mmpretrain', mmaction='mmaction2')


@HOOKS.register_module()
class ResultHook(Hook):
    """Says at the end of a run what came out of it.

    A table has the first, the best and the last value of the metric by which the best
    checkpoint is chosen, of each stream; ``curves.png`` shows them. With a baseline,
    the student's gain over it is there too. Below it are the files to take, and the
    command that tests the student without DynKD.

    Args:
        baseline (str, optional): Work directory of the student that was trained alone.
            Defaults to None.

    Raises:
        FileNotFoundError: If the baseline has no log.
    """

    # After the export.
    priority = 'LOWEST'

    def __init__(self, baseline: Optional[str] = None) -> None:
        self.baseline = None if baseline is None else RunLog(baseline)
        self._seen: dict[str, dict[int, float]] = {}

    def after_val_epoch(
        self, runner: Runner, metrics: Optional[dict[str, float]] = None
    ) -> None:
        """Remember the metrics: not every run keeps a log.

        Args:
            runner (Runner): The runner.
            metrics (dict, optional): The metrics. Defaults to None.
        """
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        step = runner.epoch if by_epoch else runner.iter
        for name, value in (metrics or {}).items():
            self._seen.setdefault(name, {})[step] = value

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Write the table and the figure.

        Args:
            runner (Runner): The runner.
        """
        model = unwrap(runner.model)
        if not isinstance(model, Distillation):
            return
        metric = _metric(runner, model)
        curves = {} if not metric else self._curves(runner, model, metric)
        if curves:
            by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
            step = 'epoch' if by_epoch else 'iteration'
            out = Path(runner.work_dir) / 'curves.png'
            figure = draw_curves({runner.experiment_name: curves}, out, step, metric)
            lines = [*_table(metric, curves, step), f'Curves: {figure}']
            print_log('\n'.join(lines), logger='current')
        print_log('\n'.join(_files(runner, model)), logger='current')

    def _curves(
        self, runner: Runner, model: Any, metric: str
    ) -> dict[str, dict[int, float]]:
        """The curves of the streams, and of the student alone."""
        found: dict[str, dict[int, float]] = {}
        for name in model.all_streams:
            curve = {
                **_logged(runner.work_dir, f'{name}/{metric}'),
                **self._seen.get(f'{name}/{metric}', {}),
            }
            if curve:
                found[name] = dict(sorted(curve.items()))
        if self.baseline is not None:
            found['student alone'] = self.baseline.curve(metric)
        return found


def _logged(folder: str, name: str) -> dict[int, float]:
    """What the run logged, also before it was resumed; nothing without a log."""
    try:
        return RunLog(folder).curve(name)
    except (FileNotFoundError, KeyError):
        return {}


def _metric(runner: Runner, model: Any) -> str:
    """The metric of the best checkpoint, without the stream's name."""
    hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    named = [name for hook in hooks for name in getattr(hook, 'key_indicators', ())]
    for name in named:
        stream, _, metric = str(name).partition('/')
        if stream in model.all_streams:
            return metric
    return str(named[0]) if named and named[0] != 'auto' else ''


def _table(metric: str, curves: dict[str, dict[int, float]], step: str) -> list[str]:
    """The lines of the table."""
    lines = [
        metric,
        f'  {"":16}{"first":>10}{"last":>10}{"best":>10}  ({step})',
    ]
    for name, curve in curves.items():
        values = list(curve.values())
        best = max(curve, key=lambda at: curve[at])
        cells = ''.join(f'{v:>10.4g}' for v in (values[0], values[-1], curve[best]))
        lines.append(f'  {name:16}{cells}  ({best})')
    if 'student alone' in curves and 'student' in curves:
        last = [list(curves[n].values())[-1] for n in ('student', 'student alone')]
        lines.append(
            f'  gain over the student alone, at the end: {last[0] - last[1]:+.4g}'
        )
    return lines


def _files(runner: Runner, model: Any) -> list[str]:
    """Which files to take, and how to test the student."""
    folder = Path(runner.work_dir)
    best = sorted(folder.glob('best_*.pth'))
    lines = [f'Best checkpoint, of all streams: {best[-1]}'] if best else []
    name = model.main_stream
    config, weights = folder / f'{name}.py', folder / f'{name}.pth'
    if weights.is_file():
        lines.append(
            f'Weights of `{name}` at the end, for the plain library: {weights}'
        )
        library = cast(Any, model.stream(name).cfg).scope
        if config.is_file() and library in _PROJECTS:
            lines.append(
                f'Test them there: mim test {_PROJECTS[library]} {config} '
                f'--checkpoint {weights}'
            )
    return lines
