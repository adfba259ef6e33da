# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import json

import pytest
import torch.nn as nn

from dynkd.engine.hooks import step_cost_hook
from dynkd.engine.hooks.step_cost_hook import StepCostHook, count_parameters

COST = dict(type='dynkd.StepCostHook')


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_a_training_leaves_what_its_steps_cost(runner, tmp_path):
    run = runner(teacher=dict(frozen=True), custom_hooks=[COST])
    run.train()
    cost = json.loads((tmp_path / 'step_cost.json').read_text())
    student = run.model.streams['student']
    assert cost['parameters'] == dict(student=parameters(student))
    assert cost['steps'] == run.iter
    assert cost['wall'] > 0 and cost['cpu'] > 0


def test_branches_are_no_parameters_of_the_exported_student(build, classifier):
    branches = dict(module=dict(type='GuidedModule', out_channels=8))
    student = dict(model=classifier(), input_shape=(3, 32, 32))
    plain = build(streams=dict(student=student))
    branched = build(streams=dict(student=dict(student, branches=branches)))
    assert parameters(branched) > parameters(plain)
    assert count_parameters(branched) == dict(student=parameters(plain))


def test_a_plain_model_has_no_name():
    assert count_parameters(nn.Linear(3, 2)) == {'': 8}


def test_the_median_leaves_out_the_first_steps(monkeypatch, tmp_path):
    class Clock:
        """Ten steps: the first five take 100, the others 1 to 5, half of it as CPU."""

        now = 0.0

        def perf_counter(self):
            return self.now

        def process_time(self):
            return self.now / 2

    class Runner:
        model = nn.Linear(1, 1)
        work_dir = tmp_path

    clock = Clock()
    monkeypatch.setattr(step_cost_hook, 'time', clock)
    hook = StepCostHook()
    for step in range(10):
        hook.before_train_iter(Runner, step)
        clock.now += 100 if step < 5 else step - 4
        hook.after_train_iter(Runner, step)
        # Loading the next batch is not part of a step.
        clock.now += 1000
    hook.after_train(Runner)
    cost = json.loads((tmp_path / 'step_cost.json').read_text())
    assert cost['steps'] == 10
    assert cost['wall'] == pytest.approx(3)
    assert cost['cpu'] == pytest.approx(1.5)
