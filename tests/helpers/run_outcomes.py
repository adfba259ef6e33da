# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How a run ends: refused before its first step, or trained."""

import pytest
from mmengine.runner import Runner

HOOKS = [dict(type='dynkd.RunCheckHook')]


def refused(runner: Runner, message: str) -> None:
    """Train, and find the error before anything has run."""
    calls = []
    for stream in ('teacher', 'student'):
        runner.model.stream(stream).model.register_forward_pre_hook(
            lambda *args: calls.append(args)
        )
    with pytest.raises(ValueError, match=message):
        runner.train()
    assert not calls and runner.iter == 0


def trains(runner: Runner, steps: int) -> None:
    runner.train()
    assert runner.iter == steps
