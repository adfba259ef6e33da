# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The checks of a run that no training is needed for."""

from types import SimpleNamespace

import pytest

from dynkd.engine.hooks import run_checks


@pytest.mark.parametrize('compile', [True, dict(mode='default'), False, None])
@pytest.mark.parametrize('reason', ['each draw is another network', None])
def test_what_compiles_again_and_again_is_said(compile, reason, monkeypatch):
    said = []
    monkeypatch.setattr(run_checks, 'print_log', lambda text, **_: said.append(text))
    runner = SimpleNamespace(cfg=dict(compile=compile))
    run_checks.check_compiling(runner, SimpleNamespace(compiles_again=lambda: reason))
    assert len(said) == bool(compile and reason)
    assert all(text.startswith(f'compile: {reason}') for text in said)
