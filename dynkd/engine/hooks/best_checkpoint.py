# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The best checkpoint of a run, as its checkpoint hook keeps it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from dynkd.engine.loops.fusion import FUSED
from dynkd.utils import unwrap

_STEP = re.compile(r'_(epoch|iter)_(\d+)\.\w+$')


@dataclass(frozen=True)
class BestCheckpoint:
    """A checkpoint that was the best of its run.

    Args:
        path (str): Where it is.
        metric (str): The metric by which it is the best.
        score (float, optional): The value of the metric; None if it is not known.
    """

    path: str
    metric: str
    score: Optional[float]

    def __str__(self) -> str:
        found = _STEP.search(self.path)
        unit, step = found.groups() if found else ('checkpoint', self.path)
        when = f'{dict(iter="iteration").get(unit, unit)} {step}'
        score = '' if self.score is None else f' {self.score:.4g}'
        return f'{when}, the best by {self.metric}{score}'


def best_checkpoint(runner: Runner, stream: str) -> Optional[BestCheckpoint]:
    """The best checkpoint of a run by a metric of a stream.

    Args:
        runner (Runner): The runner.
        stream (str): Name of the stream.

    Returns:
        BestCheckpoint or None: The checkpoint; None if none is kept by a metric of this
        stream. Metrics without the name of a stream are those of the main stream.
    """
    model = unwrap(runner.model)
    for hook in runner.hooks:
        if not isinstance(hook, CheckpointHook) or not hook.save_best:
            continue
        several = len(hook.key_indicators) > 1
        for metric in hook.key_indicators:
            owner = metric.partition('/')[0].partition('.')[0]
            if owner == FUSED:
                continue  # of no stream alone
            owner = owner if owner in model.all_streams else model.main_stream
            path = (
                hook.best_ckpt_path_dict.get(metric) if several else hook.best_ckpt_path
            )
            if owner == stream and path and ('://' in path or Path(path).is_file()):
                key = f'best_score_{metric}' if several else 'best_score'
                score = runner.message_hub.runtime_info.get(key)
                return BestCheckpoint(path, metric, score)
    return None
