# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Loops that validate and test every stream."""

import copy
import os
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Optional, Union

import torch
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop, ValLoop
from mmengine.runner.amp import autocast
from torch.utils.data import DataLoader

from dynkd.models.streams import missing_stream
from dynkd.registry import LOOPS
from dynkd.utils import RandomState, distillation_in, unwrap

from .evaluable import evaluable
from .fusion import FUSED, Fusion, same_order
from .stream_evaluator import StreamEvaluator
from .test_time import predict


class _EveryStream:
    """What :class:`StreamValLoop` and :class:`StreamTestLoop` have in common.

    Args:
        runner (Runner): The runner.
        dataloader (DataLoader or dict): The data.
        evaluator (dict or list[dict]): Config of the metrics; each stream gets its own.
        fp16 (bool): Whether to predict in half precision. Defaults to False.
        streams (sequence of str, optional): The streams. Defaults to None: all that
            predict the main stream's classes, if it has as many as it says, and are of
            its library. A warning names the others.
        branches (bool): Whether the streams' branches are evaluated too, under names
            like ``student.branches.0/accuracy/top1``. Defaults to False.
        fused (dict[str, float], optional): Weights of streams (and branches) whose
            class scores are averaged and evaluated too, under names like
            ``fused/acc/top1``; see :class:`Fusion`. Defaults to None: nothing is fused.

    Raises:
        TypeError: If the evaluator is built already, or a weight is not a number.
        ValueError: If a stream does not exist, the model has no streams, no stream has
            branches that are to be evaluated, or the streams cannot be fused as
            configured.
    """

    #: 'val' or 'test', as in the names of hooks.
    stage: str
    # What MMEngine's loops have.
    runner: Runner
    dataloader: DataLoader
    fp16: bool
    evaluator: StreamEvaluator

    def __init__(
        self,
        runner: Runner,
        dataloader: Union[DataLoader, dict],
        evaluator: Any,
        fp16: bool = False,
        streams: Optional[Sequence[str]] = None,
        branches: bool = False,
        fused: Optional[Mapping[str, float]] = None,
    ) -> None:
        model = distillation_in(runner.model)
        kind = type(self).__name__
        _check(kind, model, evaluator, streams)
        self.streams = list(streams or evaluable(model, f'{self.stage}_cfg'))
        if branches:
            self.streams = _with_branches(model, self.streams)
        self.fusion = None if fused is None else Fusion(fused, self.streams)
        names = [*self.streams, *([] if self.fusion is None else [FUSED])]
        evaluators = {
            name: runner.build_evaluator(_for_stream(evaluator, name)) for name in names
        }
        main = model.main_stream if model.main_stream in names else names[0]
        own = StreamEvaluator(evaluators, main)
        super().__init__(runner, dataloader, own, fp16)  # type: ignore[call-arg]  # a loop's
        self.evaluator.fixed = self._fixed(model)
        self.evaluator.watched = partial(watched_metrics, runner)
        if self.fusion is not None:
            self.fusion.keep(self.evaluator.fixed)

    def _fixed(self, model: Any) -> list[str]:
        """The streams, and branches, that are predicted once in a run."""
        constant = model.constant_streams
        fixed = [name for name in self.streams if name.partition('.')[0] in constant]
        if self.fusion is None or same_order(self.dataloader):
            return fixed
        # Kept scores would be averaged with those of other samples.
        return [name for name in fixed if name not in self.fusion.weights]

    @torch.no_grad()
    def run_iter(self, idx: int, data_batch: Sequence[dict]) -> None:
        """Predict a batch with every stream.

        A stream that does not change, as a frozen one, is evaluated once in a run and
        its metrics are repeated. Where it is fused, its scores are kept; if the data
        come in another order each time, it is predicted each time instead.

        Args:
            idx (int): Index of the batch.
            data_batch (dict): The batch.
        """
        self.runner.call_hook(
            f'before_{self.stage}_iter', batch_idx=idx, data_batch=data_batch
        )
        model = distillation_in(self.runner.model)
        with autocast(enabled=self.fp16):
            pending = [name for name in self.evaluator.pending if name != FUSED]
            outputs = predict(self.runner.model, data_batch, pending)
        # Hooks that draw predictions know of one model: the main stream's.
        shown: Sequence = outputs.get(model.main_stream) or next(
            iter(outputs.values()), []
        )
        if self.fusion is not None:
            outputs[FUSED] = self.fusion(idx, outputs)
        self.evaluator.process(data_samples=outputs, data_batch=data_batch)
        self.runner.call_hook(
            f'after_{self.stage}_iter',
            batch_idx=idx,
            data_batch=data_batch,
            outputs=shown,
        )

    @torch.no_grad()
    def measure(self, names: Sequence[str]) -> dict[str, float]:
        """Evaluate some streams as they are, apart from the run.

        No hook is called, so that nothing that follows a metric sees this one, and
        random numbers stay as they are.

        Args:
            names (sequence of str): The streams.

        Returns:
            dict[str, float]: Their metrics, named ``'<stream>/<metric>'``.
        """
        model, random = unwrap(self.runner.model), RandomState.capture()
        training = model.training
        model.eval()
        with autocast(enabled=self.fp16):
            for batch in self.dataloader:
                for name, samples in model.predict_streams(batch, names).items():
                    self.evaluator.evaluators[name].process(samples, batch)
        size = len(self.dataloader.dataset)  # type: ignore[arg-type]  # it has a length
        found = {name: self.evaluator.evaluators[name].evaluate(size) for name in names}
        model.train(training)
        random.restore()
        return {f'{n}/{key}': v for n, own in found.items() for key, v in own.items()}


def watched_metrics(runner: Runner) -> list[str]:
    """Metrics that something in a run depends on.

    Args:
        runner (Runner): The runner.

    Returns:
        list[str]: Those that decide about the best checkpoint, about learning rates and
        about the end of the training.
    """
    names: list[Any] = []
    for hook in runner.hooks:
        names += getattr(hook, 'save_best', None) or []
        names.append(getattr(hook, 'monitor', None))
    schedules = runner.param_schedulers or []
    if isinstance(schedules, dict):
        several = [own for own in schedules.values() if isinstance(own, list)]
        schedules = [item for own in several for item in own]
    names += [getattr(schedule, 'monitor', None) for schedule in schedules]
    return [name for name in dict.fromkeys(names) if isinstance(name, str)]


def _check(
    kind: str, model: Any, evaluator: Any, streams: Optional[Sequence[str]]
) -> None:
    """Check that there are streams, and that each can have its own metrics."""
    if isinstance(evaluator, Evaluator):
        raise TypeError(
            f'{kind} builds an evaluator for each stream, and needs the config of the '
            'metrics instead of a built evaluator.'
        )
    known = list(getattr(model, 'all_streams', ()))
    if not known:
        raise ValueError(
            f'{kind} validates streams, and {type(model).__name__} has none. '
            "Use it with `model=dict(type='dynkd.Distillation', …)`."
        )
    unknown = [name for name in streams or () if name not in known]
    if unknown:
        raise ValueError(f'{kind}: {missing_stream(unknown[0], known)}')


def _with_branches(model: Any, streams: Sequence[str]) -> list[str]:
    """Streams, each followed by its branches."""
    names = []
    for name in streams:
        count = len(model.stream(name).branches or ())
        names += [name, *(f'{name}.branches.{index}' for index in range(count))]
    if len(names) == len(streams):
        raise ValueError(
            '`branches=True`: none of the streams that are evaluated has branches. '
            f'Streams: {", ".join(streams)}.'
        )
    return names


def _for_stream(cfg: Any, name: str) -> Any:
    """Copy a config of metrics, with files of its own for a stream.

    Metrics that write files (``outfile_prefix``, and ``out_file_path`` of
    ``DumpResults``) would overwrite each other's.
    """
    if isinstance(cfg, (list, tuple)):
        return [_for_stream(item, name) for item in cfg]
    cfg = copy.deepcopy(cfg)
    if isinstance(cfg, dict):
        if cfg.get('outfile_prefix') is not None:
            cfg['outfile_prefix'] = f'{cfg["outfile_prefix"]}.{name}'
        if cfg.get('out_file_path') is not None:
            stem, suffix = os.path.splitext(cfg['out_file_path'])
            cfg['out_file_path'] = f'{stem}.{name}{suffix}'
        if 'metrics' in cfg:
            cfg['metrics'] = _for_stream(cfg['metrics'], name)
    return cfg


@LOOPS.register_module()
class StreamValLoop(_EveryStream, ValLoop):
    __doc__ = (
        'Validates every stream; metrics are named ``student/…``, ``teacher/…``.\n'
        + (_EveryStream.__doc__ or '').partition('\n')[2]
    )

    stage = 'val'


@LOOPS.register_module()
class StreamTestLoop(_EveryStream, TestLoop):
    __doc__ = (
        'Tests every stream; metrics are named ``student/…``, ``teacher/…``.\n'
        + (_EveryStream.__doc__ or '').partition('\n')[2]
    )

    stage = 'test'
