# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The screen shows how far a run is, every few seconds."""

import itertools

import pytest

from dynkd.engine.hooks import progress_hook


@pytest.fixture
def ticking(monkeypatch):
    """A clock that is 4 seconds later at each look."""
    seconds = itertools.count(0, 4)
    monkeypatch.setattr(progress_hook.time, 'monotonic', lambda: float(next(seconds)))


def lines(capsys) -> list[str]:
    shown = capsys.readouterr().out.splitlines()
    return [line.strip() for line in shown if 'iteration' in line or 'batch' in line]


@pytest.mark.filterwarnings('error:Converting a tensor')
def test_a_line_says_where_the_run_is(runner, ticking, capsys):
    hook = dict(type='dynkd.ProgressHook', seconds=1)
    runner(custom_hooks=[hook], train_cfg=dict(by_epoch=True, max_epochs=3)).train()
    shown = lines(capsys)
    assert shown[0].startswith('epoch 1/3, iteration 1/2  loss ')
    assert shown[1].startswith('epoch 1/3, iteration 2/2  loss ')
    assert shown[2] == 'validation, batch 1/2'
    assert shown[0].endswith('s each, 0:00:20 left')
    assert len(shown) == 3 * 4


def test_not_more_often_than_it_should(runner, ticking, capsys):
    hook = dict(type='dynkd.ProgressHook', seconds=20)
    runner(custom_hooks=[hook], train_cfg=dict(by_epoch=True, max_epochs=3)).train()
    assert 0 < len(lines(capsys)) < 6


def test_a_training_without_epochs(runner, ticking, capsys):
    loader = dict(sampler=dict(type='InfiniteSampler'))
    hook = dict(type='dynkd.ProgressHook', seconds=1)
    loop = dict(by_epoch=False, max_iters=3, val_interval=3)
    runner(custom_hooks=[hook], train_cfg=loop, loading=loader).train()
    assert lines(capsys)[0].startswith('iteration 1/3  loss ')


def test_a_validation_is_not_training_time(monkeypatch):
    hook = progress_hook.ProgressHook()
    times = iter([0.0, 5.0, 105.0])
    monkeypatch.setattr(progress_hook.time, 'monotonic', lambda: next(times))

    class Runner:
        iter = 0

    hook.before_train(Runner)
    hook.before_val(Runner)
    hook.after_val(Runner)
    assert hook._begin == 100.0
