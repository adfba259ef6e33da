# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What cannot be measured is refused before the first step."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.model import MMFullyShardedDataParallel

from dynkd.engine.hooks import GradientCosineHook
from dynkd.registry import HOOKS


def refused(run):
    """What the hook says to a run."""
    with pytest.raises(ValueError, match='^GradientCosineHook: ') as caught:
        GradientCosineHook().before_train(run)
    return str(caught.value)


def test_what_it_cannot_measure_is_refused(runner, classifier):
    plain = SimpleNamespace(model=torch.nn.Linear(2, 2))
    assert 'Linear is not a distillation' in refused(plain)

    alone = runner(student=dict(loss_weight=0.0), teacher={})
    assert 'no transfer to a stream that learns a task' in refused(alone)
    alone.model.transfers.clear()
    assert 'no transfer to a stream that learns a task' in refused(alone)

    again = classifier()
    again['backbone']['with_cp'] = True
    text = refused(runner({}, student=dict(model=again)))
    assert '`student.backbone' in text and '`with_cp=True`' in text

    assert 'without `compile`' in refused(runner({}, cfg=dict(compile=True)))

    split = runner({})
    inner = split.model
    split.model = MMFullyShardedDataParallel.__new__(MMFullyShardedDataParallel)
    torch.nn.Module.__init__(split.model)
    split.model._fsdp_wrapped_module = inner
    text = refused(split)
    assert 'MMFullyShardedDataParallel splits weights' in text

    with pytest.raises(ValueError, match='interval'):
        HOOKS.build(dict(type='dynkd.GradientCosineHook', interval=0))


def test_a_frozen_teacher_may_recompute(runner, classifier):
    again = classifier()
    again['backbone']['with_cp'] = True
    GradientCosineHook().before_train(runner(dict(model=again, frozen=True)))
