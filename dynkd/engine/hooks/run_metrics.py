# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Metrics that a run depends on, checked by :class:`RunCheckHook`."""

from collections.abc import Sequence
from typing import Any, Optional

from mmengine.evaluator import Evaluator
from mmengine.runner import Runner

from dynkd.engine.loops.stream_evaluator import StreamEvaluator
from dynkd.engine.loops.stream_loops import watched_metrics
from dynkd.models.algorithms import Distillation
from dynkd.utils import suggestion

#: What MMSegmentation's metric measures besides the accuracy of all pixels.
_IOU = dict(
    mIoU=('mIoU', 'mAcc'),
    mDice=('mDice', 'mAcc'),
    mFscore=('mFscore', 'mPrecision', 'mRecall'),
)
_COCO_ITEMS = ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')


def check_metrics(runner: Runner, model: Distillation) -> None:
    """Refuse to follow a metric that there will not be.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.

    Raises:
        ValueError: If ``save_best``, or a schedule or hook that watches a metric, does
            not name one of a stream that is validated.
    """
    loop = runner.val_loop
    evaluator = getattr(loop, 'evaluator', None)
    for metric in watched_metrics(runner) if loop is not None else ():
        if metric == 'auto':
            continue
        stream, _, name = metric.partition('/')
        if isinstance(evaluator, StreamEvaluator):
            known = list(evaluator.evaluators)
            if stream not in known:
                main = model.main_stream
                example = main if main in known else known[0]
                raise ValueError(
                    f'save_best: no stream that is validated is named in `{metric}`. '
                    f'Write `{example}/{metric}`, for example; there are '
                    f'{", ".join(known)}.'
                )
            _check_name(name, evaluator.evaluators[stream], f'{stream}/')
        elif stream in model.all_streams:
            raise ValueError(
                f'save_best: `{metric}` is a metric of a stream, but '
                f'{type(loop).__name__} validates `{model.main_stream}` alone, without '
                "its name. Set `val_cfg=dict(type='dynkd.StreamValLoop')`."
            )
        elif isinstance(evaluator, Evaluator):
            _check_name(metric, evaluator, '')


def _check_name(name: str, evaluator: Evaluator, start: str) -> None:
    """Reject a name that is not one of the metrics, where these are known."""
    known: list[str] = []
    for metric in evaluator.metrics:
        names = metric_names(metric)
        prefix = f'{metric.prefix}/' if metric.prefix else ''
        if names is None:
            if name.startswith(prefix):
                return
            known.append(f'{prefix}…')
        else:
            known += [f'{prefix}{own}' for own in names]
    if known and name not in known:
        names = [f'{start}{own}' for own in known]
        raise ValueError(
            f'save_best: there is no metric `{start}{name}`.'
            f'{suggestion(f"{start}{name}", names)} There are {", ".join(names)}.'
        )


def metric_names(metric: Any) -> Optional[Sequence[str]]:
    """The names of what a metric measures.

    Args:
        metric (BaseMetric): The metric.

    Returns:
        list[str] or None: The names without the prefix; None where only an evaluation
        can tell.
    """
    names: Optional[Sequence[str]] = None
    kind = type(metric).__name__
    if kind == 'Accuracy' and len(metric.thrs) == 1:
        names = [f'top{k}' for k in metric.topk]
    elif kind == 'AccMetric':
        names = _action_names(metric)
    elif kind == 'IoUMetric':
        names = [
            'aAcc',
            *dict.fromkeys(n for m in metric.metrics for n in _IOU.get(m, ())),
        ]
    elif kind == 'CocoMetric' and not metric.classwise:
        areas = [own for own in metric.metrics if own in ('bbox', 'segm')]
        items = metric.metric_items or _COCO_ITEMS
        if areas == list(metric.metrics):
            names = [f'{area}_{item}' for area in areas for item in items]
    return names


def _action_names(metric: Any) -> list[str]:
    """The names of what MMAction2's metric of accuracies measures."""
    names = []
    for own in metric.metrics:
        if own == 'top_k_accuracy':
            topk = metric.metric_options.get(own, {}).get('topk', (1, 5))
            names += [f'top{k}' for k in ([topk] if isinstance(topk, int) else topk)]
        else:
            names.append('mean1' if own == 'mean_class_accuracy' else own)
    return names
