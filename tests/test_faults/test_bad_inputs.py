# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""No bad config or input is taken silently, found late, or waited for."""

import sys
from pathlib import Path

import pytest
from mmengine.config import ConfigDict

from dynkd.registry import MODELS

sys.path.insert(0, str(Path(__file__).parent))

import bad_inputs
import bases


@pytest.mark.parametrize('base', bases._MODELS)
def test_the_configs_work_as_they_are(base):
    with bad_inputs._alone(), pytest.raises(bad_inputs.LateError):
        bad_inputs.begin(bases.config(base))


@pytest.mark.parametrize('case', bad_inputs.cases(), ids=lambda case: case.name)
def test_it_is_refused_or_warned_of(case):
    kind, said = bad_inputs.outcome(case)
    assert kind in ('refused', 'warned'), said


@pytest.mark.parametrize('name', ['schüler', '教师', '_x', 'Δ2'])
def test_streams_may_have_names_of_any_alphabet(name):
    cfg = bases.config('video')
    streams = cfg['model']['streams']
    streams[name] = streams.pop('teacher')
    transfer = cfg['model']['transfers']['loss_kld']
    transfer['source'] = f'{name}.cls_head'
    with bad_inputs._alone(), pytest.raises(bad_inputs.LateError):
        bad_inputs.begin(cfg)


def test_hooks_that_follow_from_the_model_are_added():
    """IAKD's review schedule and DTSKD's store ask for hooks that no config names."""
    for base, hook in (('iakd', 'LearningRateHook'), ('dtskd', 'StoreHook')):
        model = bases.config(base)['model']
        needed = MODELS.build(ConfigDict(model)).needed_hooks
        assert needed[0] == 'RunCheckHook' and needed[-1] == hook
