# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

from dynkd.engine.hooks import StreamHook


@HOOKS.register_module(force=True)
class ReachingHook(Hook):
    """Reaches into the plain model, as MMDetection's YOLOXModeSwitchHook does."""

    priority = 'LOW'

    def __init__(self):
        self.heads = []

    def before_train_epoch(self, runner):
        self.heads.append(runner.model.head)
        runner.model.head.seen_in = runner.epoch

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        runner.last_iter = batch_idx


@pytest.mark.parametrize('stream', [None, 'teacher'])
def test_a_hook_finds_the_model_of_a_stream(runner, stream):
    hook = dict(type='dynkd.StreamHook', hook=dict(type='ReachingHook'), stream=stream)
    run = runner(teacher={}, custom_hooks=[hook])
    run.train()
    head = run.model.stream(stream or 'student').model.head
    own = next(hook for hook in run.hooks if isinstance(hook, StreamHook))
    assert own.hook.heads and all(found is head for found in own.hook.heads)
    assert head.seen_in == run.epoch - 1
    # What a hook writes on the runner is on the runner.
    assert run.last_iter is not None


def test_without_it_the_model_has_no_head(runner):
    run = runner(teacher={}, custom_hooks=[dict(type='ReachingHook')])
    with pytest.raises(AttributeError, match='head'):
        run.train()


def test_a_stream_that_is_not_there_is_refused_before_the_first_step(runner):
    hook = dict(type='dynkd.StreamHook', hook=dict(type='ReachingHook'), stream='none')
    run = runner(teacher={}, custom_hooks=[hook])
    with pytest.raises(KeyError, match='no stream `none`'):
        run.train()
    assert run.iter == 0


def test_it_comes_when_its_hook_would():
    assert StreamHook(ReachingHook()).priority == 'LOW'
    first = StreamHook(dict(type='ReachingHook', priority='VERY_HIGH'))
    assert first.priority == 'VERY_HIGH'


def test_only_a_hook_is_one():
    with pytest.raises(TypeError, match='`hook` must be a dict or a Hook, got 42'):
        StreamHook(42)


def test_every_call_is_passed_on():
    calls = [n for n in vars(Hook) if n.startswith(('before_', 'after_'))]
    assert calls and all(name in vars(StreamHook) for name in calls)
