# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import re

import pytest
import torch

REPORT = dict(type='dynkd.StepCostReportHook')


@pytest.fixture
def said(monkeypatch):
    """What the hook prints."""
    lines = []
    monkeypatch.setattr(
        'dynkd.engine.hooks.step_cost_report_hook.print_log',
        lambda text, logger=None: lines.append(text),
    )
    return lines


def test_it_says_what_a_step_costs(runner, said):
    runner(teacher={}, custom_hooks=[REPORT]).train()
    (line,) = said
    assert re.match(r'A step takes \d+\.\d\d s; of the student alone \d+\.\d\d s', line)


def test_the_training_is_as_without_it(runner, said):
    def weights(hooks):
        torch.manual_seed(0)
        run = runner(teacher={}, custom_hooks=hooks)
        run.train()
        return {key: value.clone() for key, value in run.model.state_dict().items()}

    exact = dict(type='dynkd.ExactResumeHook')
    plain, measured = weights([exact]), weights([exact, REPORT])
    assert said
    for key, value in plain.items():
        assert torch.equal(value, measured[key]), key


def test_what_cannot_be_measured_does_not_stop_the_run(runner, said, monkeypatch):
    def fail(*_):
        raise RuntimeError('out of memory')

    monkeypatch.setattr('dynkd.engine.hooks.step_cost_report_hook._alone', fail)
    run = runner(teacher={}, custom_hooks=[REPORT])
    run.train()
    assert run.iter > 0
    assert said == [
        'The cost of a step could not be measured: RuntimeError: out of memory'
    ]
