# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tiny projects of users: plain configs in files."""

from pathlib import Path
from typing import Any, Callable

import pytest
from mmengine.config import Config


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., str]:
    """Write a plain config, as a user has it, and return its path."""

    def write(name: str, model: dict, library: str, **fields: Any) -> str:
        cfg = dict(
            default_scope=library,
            model=model,
            optim_wrapper=dict(
                type='OptimWrapper', optimizer=dict(type='SGD', lr=0.02)
            ),
            train_cfg=dict(by_epoch=True, max_epochs=2, val_interval=1),
            val_cfg=dict(type='ValLoop'),
            test_cfg=dict(type='TestLoop'),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)),
            **fields,
        )
        path = tmp_path / f'{name}.py'
        Config(cfg).dump(path)
        return str(path)

    return write


@pytest.fixture
def detectors(project, fcos) -> tuple[str, str]:
    """The configs of two FCOS of different widths."""
    evaluator = dict(val_evaluator=dict(type='CocoMetric', metric='bbox'))
    student = project('small', fcos(channels=16), 'mmdet', **evaluator)
    return student, project('large', fcos(channels=24), 'mmdet', **evaluator)


@pytest.fixture
def classifiers(project, classifier) -> tuple[str, str]:
    """The configs of two ResNets of different widths."""
    evaluator = dict(val_evaluator=dict(type='Accuracy'))
    student = project('narrow', classifier(width=8), 'mmpretrain', **evaluator)
    return student, project('wide', classifier(width=16), 'mmpretrain', **evaluator)


@pytest.fixture
def segmentors(project, segmentor) -> tuple[str, str]:
    """The configs of two segmentors of different widths."""
    evaluator = dict(val_evaluator=dict(type='IoUMetric', iou_metrics=['mIoU']))
    student = project('slim', segmentor(width=8), 'mmseg', **evaluator)
    return student, project('broad', segmentor(width=16), 'mmseg', **evaluator)
