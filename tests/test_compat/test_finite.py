# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checkpoints whose weights are not numbers are refused, and named."""

import pytest
import torch
from mmengine.runner import Runner

from dynkd.compat import CheckpointError, check_finite
from dynkd.models.streams import load_stream_checkpoint


@pytest.mark.parametrize('value', [float('nan'), float('inf'), float('-inf')])
def test_weights(value):
    state = dict(a=torch.ones(2), **{'b.weight': torch.tensor([1.0, value])})
    with pytest.raises(CheckpointError, match=r'x\.pth holds .*`b\.weight`\. Its'):
        check_finite(state, 'x.pth')
    state['c.bias'] = state['b.weight']
    with pytest.raises(CheckpointError, match='`b.weight` and 1 more'):
        check_finite(state, 'x.pth')


def test_what_may_be_infinite():
    state = dict(mask=torch.tensor([float('-inf')]), count=torch.tensor(3), text='x')
    check_finite(state, 'x.pth')
    with pytest.raises(CheckpointError, match='`mask`'):
        check_finite(dict(mask=torch.tensor([float('nan')])), 'x.pth')


def test_a_stream_and_a_run(tmp_path):
    path = str(tmp_path / 'diverged.pth')
    torch.save(dict(state_dict=dict(weight=torch.full((1, 1), float('nan')))), path)
    with pytest.raises(CheckpointError, match=r'`teacher`.*diverged\.pth'):
        load_stream_checkpoint(torch.nn.Linear(1, 1, bias=False), path, 'teacher')
    runner = Runner.__new__(Runner)
    runner._has_loaded = False
    runner.call_hook = lambda *args, **kwargs: None
    runner.model = torch.nn.Linear(1, 1, bias=False)
    with pytest.raises(CheckpointError, match=r'diverged\.pth holds weights'):
        runner.load_checkpoint(path)
