# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Says at the end of a run what came out of it."""

import math
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import Any, Callable, Optional, cast

from mmengine.dist import master_only
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner

from dynkd.compat.import_hooks import WATCHER
from dynkd.engine.loops.fusion import FUSED
from dynkd.models.algorithms import Distillation
from dynkd.registry import HOOKS
from dynkd.utils import RunLog, plain_types, unwrap
from dynkd.visualization import draw_curves

from .best_checkpoint import best_checkpoint

#: Where the message hub has the metrics before the first step.
_BEFORE = 'metrics_before'
#: What MIM calls the libraries.
_PROJECTS = dict(
    mmdet='mmdet',
    mmpretrain='mmpretrain',
    mmaction='mmaction2',
    mmseg='mmsegmentation',
)


@HOOKS.register_module()
class ResultHook(Hook):
    """Says at the end of a run what came out of it.

    A table has the metric by which the best checkpoint is chosen, of each stream:
    before the training, after it, and the best value. ``curves.png`` shows the curves.
    With a baseline, the student's gain over it is there too. Below it are the files to
    take, and the command that tests the student without DynKD.

    A trained stream that begins with trained weights is evaluated before the first step
    for it; a frozen one is the same before and after. A run of a distillation that does
    not have this hook is given it.

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
        #: Where this process began to train: what is after it, it has seen itself.
        self._begin = 0

    def before_train(self, runner: Runner) -> None:
        """Evaluate what begins with trained weights, before they change.

        Args:
            runner (Runner): The runner.
        """
        self._begin = _steps(runner)
        model, loop = unwrap(runner.model), runner.val_loop
        if runner.iter > 0 or not hasattr(loop, 'measure'):
            return
        names = [
            name
            for name in model.streams
            if model.stream(name).cfg.checkpoint is not None and name in loop.streams
        ]
        if names:
            print_log(
                f'Evaluating {", ".join(names)} before the first step.',
                logger='current',
            )
            # In the message hub, it is in checkpoints, and there after resuming.
            before = plain_types(loop.measure(names))
            runner.message_hub.update_info(_BEFORE, before)

    def after_val_epoch(
        self, runner: Runner, metrics: Optional[dict[str, float]] = None
    ) -> None:
        """Remember the metrics: not every run keeps a log.

        Args:
            runner (Runner): The runner.
            metrics (dict, optional): The metrics. Defaults to None.
        """
        for name, value in (metrics or {}).items():
            self._seen.setdefault(name, {})[_steps(runner)] = value

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Write the table and the figure.

        Args:
            runner (Runner): The runner.
        """
        model = unwrap(runner.model)
        if not isinstance(model, Distillation):
            return
        metric, best_of = _metric(runner, model)
        metric = metric or self._first_seen(model)
        curves = {} if not metric else self._curves(runner, model, metric)
        if curves:
            step = 'epoch' if _by_epoch(runner) else 'iteration'
            before = _before(runner, model, metric, curves)
            lines = _table(metric, before, curves, step, best_of, model.main_stream)
            # A point is not a curve.
            if max(map(len, curves.values())) > 1:
                out = Path(runner.work_dir) / 'curves.png'
                name = Path(runner.work_dir).name
                figure = draw_curves({name: curves}, out, step, metric)
                lines.append(f'Curves: {figure}')
            print_log('\n'.join(lines), logger='current')
        print_log('\n'.join(_files(runner, model)), logger='current')

    def _first_seen(self, model: Any) -> str:
        """The first metric of the main stream, where no best checkpoint is chosen."""
        names = (name.partition('/') for name in self._seen)
        return next((own for name, _, own in names if name == model.main_stream), '')

    def _curves(
        self, runner: Runner, model: Any, metric: str
    ) -> dict[str, dict[int, float]]:
        """The curves of the streams, and of the student alone."""
        found: dict[str, dict[int, float]] = {}
        for name in model.all_streams:
            # Not of another training, which the directory may have had before.
            logged = _logged(runner.work_dir, f'{name}/{metric}').items()
            curve = {
                **{step: value for step, value in logged if 0 < step <= self._begin},
                **self._seen.get(f'{name}/{metric}', {}),
            }
            if curve:
                found[name] = dict(sorted(curve.items()))
        if self.baseline is not None and found:
            try:
                found['student alone'] = self.baseline.curve(metric)
            except KeyError as error:
                print_log(f'baseline: {error.args[0]}', logger='current')
        return found


def _by_epoch(runner: Runner) -> bool:
    """Whether the training counts epochs, else iterations."""
    return isinstance(runner.train_loop, EpochBasedTrainLoop)


def _steps(runner: Runner) -> int:
    """How many epochs, or iterations, are done: the step that metrics are logged at."""
    return runner.epoch if _by_epoch(runner) else runner.iter


def _logged(folder: str, name: str) -> dict[int, float]:
    """What the run logged, also before it was resumed; nothing without a log."""
    try:
        return RunLog(folder).curve(name)
    except (FileNotFoundError, KeyError):
        return {}


def _metric(runner: Runner, model: Any) -> tuple[str, Callable]:
    """The metric of the best checkpoint, without the stream's name, and what finds its
    best value: the greatest, unless less is better."""
    named = [
        (str(name), min if rule == 'less' else max)
        for hook in runner.hooks
        if isinstance(hook, CheckpointHook)
        for name, rule in zip_longest(
            getattr(hook, 'key_indicators', ()), getattr(hook, 'rules', ())
        )
        if name is not None
    ]
    for name, best_of in named:
        # Of a stream, of a branch (`student.branches.0`), or of fused scores.
        owner, _, metric = name.partition('/')
        if owner.partition('.')[0] in (*model.all_streams, FUSED):
            return metric, best_of
    name, best_of = named[0] if named else ('', max)
    return ('' if name == 'auto' else name), best_of


def _before(
    runner: Runner, model: Any, metric: str, curves: dict[str, dict[int, float]]
) -> dict[str, float]:
    """The values before the first step, of the streams that begin with a training."""
    measured = runner.message_hub.runtime_info.get(_BEFORE) or {}
    found = {
        name: measured[f'{name}/{metric}']
        for name in curves
        if f'{name}/{metric}' in measured
    }
    for name in model.constant_streams:
        if name in curves:
            found[name] = next(iter(curves[name].values()))
    return found


def _table(
    metric: str,
    before: dict[str, float],
    curves: dict[str, dict[int, float]],
    step: str,
    best_of: Callable,
    main: str,
) -> list[str]:
    """The lines of the table."""
    lines = [
        metric,
        f'  {"":16}{"before":>10}{"after":>10}{"best":>10}  ({step})',
    ]
    for name, curve in curves.items():
        # The values that are not numbers are of streams that predicted nothing.
        known = [at for at, value in curve.items() if not math.isnan(value)]
        best = best_of(known or curve, key=curve.__getitem__)
        after = list(curve.values())[-1]
        values = (before.get(name), after, curve[best])
        cells = ''.join(f'{"-" if v is None else f"{v:.4g}":>10}' for v in values)
        lines.append(f'  {name:16}{cells}  ({best})')
    if 'student alone' in curves and main in curves:
        last = [list(curves[n].values())[-1] for n in (main, 'student alone')]
        lines.append(
            f'  gain over the student alone, at the end: {last[0] - last[1]:+.4g}'
        )
    return lines


def _files(runner: Runner, model: Any) -> list[str]:
    """Which files to take, and how to test the student."""
    folder = Path(runner.work_dir)
    name = model.main_stream
    best = best_checkpoint(runner, name)
    lines = []
    if best is not None:
        lines.append(f'Best checkpoint, of all streams: {best.path} ({best})')
    last, exported = folder / f'{name}.pth', folder / f'{name}_best.pth'
    if last.is_file():
        lines.append(f'Weights of `{name}` at the end, for the plain library: {last}')
    if best is not None and exported.is_file():
        lines.append(
            f'Weights of `{name}` in the best checkpoint, likewise: {exported}'
        )
    weights = exported if best is not None and exported.is_file() else last
    config, library = (
        weights.with_suffix('.py'),
        cast(Any, model.stream(name).cfg).scope,
    )
    if weights.is_file() and config.is_file() and library in _PROJECTS:
        lines.append(f'Test them there: {_test(library, config, weights)}')
    return lines


def _test(library: str, config: Path, weights: Path) -> str:
    """The command by which a library tests a model of its own.

    A library that was imported with repairs does not import without them: there,
    DynKD's tool tests the plain model.
    """
    if WATCHER.acted:
        return f'dynkd test {config} {weights}'
    spec = find_spec(library)
    package = Path(spec.origin).parent if spec and spec.origin else Path()
    script = package / '.mim' / 'tools' / 'test.py'
    if script.is_file():
        return f'python {script} {config} {weights}'
    return f'mim test {_PROJECTS[library]} {config} --checkpoint {weights}'
