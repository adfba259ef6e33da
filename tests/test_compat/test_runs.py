# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a runner is told about its run before it begins."""

import pytest

from dynkd.compat import runs


class Hook:
    pass


class StoreHook(Hook):
    pass


class OwnStoreHook(StoreHook):
    pass


class Model:
    needed_hooks = ['RunCheckHook', 'StoreHook']
    streams = dict(teacher=None, student=None)
    main_stream = 'student'


class Runner:
    _train_loop = dict()
    _val_loop = _test_loop = None
    optim_wrapper = None
    param_schedulers = None

    def __init__(self, *hooks, model=Model, **cfg):
        self.model = model()
        self.hooks = list(hooks)
        self.added = []
        self.cfg = cfg

    def register_hook(self, cfg):
        self.added.append(cfg['type'])


def test_needed_hooks_are_added_once():
    runner = Runner(StoreHook())
    runs.settle(runner)
    assert runner.added == ['dynkd.RunCheckHook']
    runner = Runner(OwnStoreHook())
    runs.settle(runner)
    assert runner.added == ['dynkd.RunCheckHook']
    for twice in ((StoreHook(), StoreHook()), (StoreHook(), OwnStoreHook())):
        with pytest.raises(ValueError, match='`custom_hooks` has 2 of StoreHook'):
            runs.settle(Runner(*twice))


def test_other_models_and_other_runs_are_left_alone():
    other = Runner(custom_hoks=[], model=Hook)
    runs.settle(other)
    tested = Runner()
    tested._train_loop = None
    runs.settle(tested)
    assert other.added == tested.added == []


def test_schedules_are_those_of_the_trained_streams():
    step = dict(type='StepLR', step_size=1)
    for fine in (None, [step], step, dict(teacher=[], student=[step], _scope_='x')):
        runs.check_schedules(fine, ['teacher', 'student'])
    with pytest.raises(ValueError, match='stream `teacher` has no schedules'):
        runs.check_schedules(dict(student=[step]), ['teacher', 'student'])
    with pytest.raises(ValueError, match='no trained stream `teecher`'):
        runs.check_schedules(dict(teecher=[], student=[]), ['teacher', 'student'])


def test_misspelt_fields_are_told(monkeypatch):
    told = []
    monkeypatch.setattr(
        'mmengine.logging.print_log', lambda text, **_: told.append(text)
    )
    runs.warn_of_misspelt(
        ['custom_hooks', 'base_lr', 'dataset_type', 'train_pipeline', 'data_root']
    )
    assert told == []
    runs.warn_of_misspelt(['custom_hoks', 'train_dataloder'])
    assert '`custom_hooks`' in told[0] and '`train_dataloader`' in told[1]
