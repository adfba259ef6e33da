# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Several processes look for unused parameters where steps leave some."""

import pytest
from mmengine.config import Config

from dynkd.compat import run_settings


class Model:
    needed_hooks = ['RunCheckHook']

    def __init__(self, unused):
        self._unused = unused

    def leaves_unused(self):
        return {'phase `first`': 'of `student`'} if self._unused else {}


class Runner:
    def __init__(self, distributed=True, **cfg):
        self.distributed = distributed
        self.cfg = Config(cfg)


def test_it_is_brought_in():
    runner = Runner()
    said = run_settings.bring_in_unused(runner, Model(True), None)
    assert said == ['find_unused_parameters=True']
    assert runner.cfg.find_unused_parameters is True
    wrapper = dict(type='MMDistributedDataParallel', device_ids=None)
    run_settings.bring_in_unused(Runner(), Model(True), wrapper)
    assert wrapper['find_unused_parameters'] is True


@pytest.mark.parametrize(
    'runner, unused, wrapper',
    [
        (Runner(find_unused_parameters=False), True, None),
        (Runner(), True, dict(find_unused_parameters=False)),
        (Runner(), False, None),
        (Runner(distributed=False), True, None),
    ],
)
def test_what_is_written_stays(runner, unused, wrapper):
    before = (runner.cfg.to_dict(), dict(wrapper or {}))
    assert run_settings.bring_in_unused(runner, Model(unused), wrapper) == []
    assert (runner.cfg.to_dict(), dict(wrapper or {})) == before


def test_plain_models_are_left_alone():
    run_settings.bring_in(Runner(), object(), None)
