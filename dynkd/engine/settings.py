# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The settings of a distillation that follow from those of a plain training."""

import copy
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Optional

from dynkd.utils import type_name

#: Learning rate of a stream that was trained before, such as DKD's teacher, relative to
#: the main stream's (ours: the paper says "a small learning rate").
TRAINED_RATE = 0.1
#: How alike a name must be to a stream's, to be taken for it misspelt.
_ALIKE = 0.7
#: What builds the optimizers of the streams.
CONSTRUCTOR = 'dynkd.StreamOptimWrapperConstructor'
_DEFAULT_CONSTRUCTOR = 'DefaultOptimWrapperConstructor'
#: MMEngine's loops, which evaluate one model, and those that evaluate every stream.
LOOPS = dict(
    val=('ValLoop', 'dynkd.StreamValLoop'), test=('TestLoop', 'dynkd.StreamTestLoop')
)

#: The metric of the best checkpoint, by the type of the evaluator.
_BEST = dict(
    VOCMetric='pascal_voc/mAP',
    AccMetric='acc/top1',
)


def _constructor(cfg: Mapping[str, Any]) -> str:
    """The name of the constructor of an ``optim_wrapper``."""
    return type_name(cfg.get('constructor') or _DEFAULT_CONSTRUCTOR)


def stream_optimizers(
    base: Mapping[str, Any], trained: Iterable[str], rates: Mapping[str, float]
) -> dict[str, Any]:
    """What makes the ``optim_wrapper`` of a plain model one for several streams.

    Args:
        base (dict): The ``optim_wrapper`` of the plain model.
        trained (iterable of str): The trained streams.
        rates (dict[str, float]): Learning rates relative to the base's, of those
            streams for which it is another.

    Returns:
        dict: What to merge into it: ``constructor`` and ``streams``. A constructor of
        the base becomes that of each stream.
    """
    streams: dict[str, dict] = {}
    rate = base.get('optimizer', {}).get('lr')
    for name, factor in rates.items():
        if rate is not None and factor != 1:
            own = float(f'{rate * factor:.6g}')
            streams[name] = dict(optimizer=dict(lr=own))
    if _constructor(base) != _DEFAULT_CONSTRUCTOR:
        for name in trained:
            streams.setdefault(name, {})['constructor'] = base['constructor']
    found: dict[str, Any] = dict(constructor=CONSTRUCTOR)
    return dict(found, streams=streams) if streams else found


def needs_stream_optimizers(cfg: Any, trained: Iterable[str]) -> bool:
    """Whether an ``optim_wrapper`` is that of a plain model, and will not do.

    Args:
        cfg (dict or OptimWrapper): The ``optim_wrapper`` of the run.
        trained (iterable of str): The trained streams.

    Returns:
        bool: Whether it is. One stream does with a plain one, unless a constructor
        asks for its model.
    """
    if not isinstance(cfg, Mapping):
        return False
    constructor = _constructor(cfg)
    if constructor == type_name(CONSTRUCTOR):
        return False
    if 'streams' in cfg:
        return True
    several = len(list(trained)) > 1
    return 'optimizer' in cfg and (several or constructor != _DEFAULT_CONSTRUCTOR)


def learns_as_one(cfg: Mapping[str, Any]) -> bool:
    """Whether one optimizer has the parameters of all streams, without a difference.

    Args:
        cfg (dict): The ``optim_wrapper`` of the run.

    Returns:
        bool: Whether neither a constructor, nor anything about a stream, single
        parameters or the norm of all gradients is said.
    """
    if _constructor(cfg) != _DEFAULT_CONSTRUCTOR:
        return False
    return not any(map(cfg.get, ('streams', 'clip_grad', 'paramwise_cfg')))


def stream_loop(cfg: Any, stage: str) -> Optional[dict[str, Any]]:
    """The loop over every stream in place of MMEngine's own.

    Args:
        cfg (dict or BaseLoop): The loop of the run.
        stage (str): ``'val'`` or ``'test'``.

    Returns:
        dict or None: The loop, with the options of the given one; None if that is not
        MMEngine's own.
    """
    if not isinstance(cfg, Mapping):
        return None
    plain, every = LOOPS[stage]
    # A loop without a type is MMEngine's.
    if cfg.get('type', plain) != plain and not _is_mmengines(cfg['type'], plain):
        return None
    return dict(copy.deepcopy(dict(cfg)), type=every)


def _is_mmengines(kind: Any, name: str) -> bool:
    """Whether a type is MMEngine's class of that name."""
    path = kind if isinstance(kind, str) else f'{kind.__module__}.{kind.__name__}'
    return path.startswith('mmengine.') and path.rpartition('.')[2] == name


def loops_over_streams(cfg: Any) -> bool:
    """Whether a loop evaluates every stream.

    Args:
        cfg (dict or BaseLoop): The loop of the run.

    Returns:
        bool: Whether it is the config of one that does.
    """
    names = [type_name(every) for _, every in LOOPS.values()]
    return isinstance(cfg, Mapping) and type_name(cfg) in names


def best_metric(evaluators: Any) -> Optional[str]:
    """The metric by which a best checkpoint is found.

    Args:
        evaluators (dict or list[dict]): Configs of the evaluators.

    Returns:
        str, optional: Its name, as a plain run has it; None if it cannot be told.
    """
    for one in evaluators if isinstance(evaluators, (list, tuple)) else [evaluators]:
        name = type_name(one) if isinstance(one, Mapping) else ''
        if name == 'CocoMetric':
            kinds = one.get('metric', 'bbox')
            kinds = [kinds] if isinstance(kinds, str) else list(kinds)
            return f'coco/{"bbox" if "bbox" in kinds else kinds[0]}_mAP'
        if name == 'Accuracy':
            # It is named after the first k that it counts.
            topk = one.get('topk', 1)
            return f'accuracy/top{topk if isinstance(topk, int) else topk[0]}'
        if name == 'IoUMetric':
            kinds = one.get('iou_metrics', ['mIoU'])
            return str(kinds if isinstance(kinds, str) else kinds[0])
        if name in _BEST:
            return _BEST[name]
    return None


def stream_metric(name: str, streams: Iterable[str], main: str) -> str:
    """The full name of a metric that a plain config names.

    Args:
        name (str): Its name: ``'accuracy/top1'``, or ``'student/accuracy/top1'``.
        streams (iterable of str): What is evaluated, by name.
        main (str): The stream that is meant where none is named.

    Returns:
        str: The name with that of a stream before it; ``'auto'`` as it is.
    """
    first = name.partition('/')[0].partition('.')[0]
    # A misspelt stream is told of later, by its own name.
    if name == 'auto' or get_close_matches(first, list(streams), 1, _ALIKE):
        return name
    return f'{main}/{name}'
