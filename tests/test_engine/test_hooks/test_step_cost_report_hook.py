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


@pytest.mark.parametrize(
    'loss_weight', [1.0, dict(type='BalancedWeight', iterations=1)]
)
def test_the_training_is_as_without_it(runner, said, kld, loss_weight):
    def weights(hooks):
        torch.manual_seed(0)
        loss = dict(type='KLDLoss', loss_weight=loss_weight)
        transfers = dict(loss_kld=dict(kld('teacher', 'student'), loss=loss))
        run = runner(teacher={}, custom_hooks=hooks, transfers=transfers)
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


def test_a_loaded_measurement_is_not_kept_because_of_it(
    runner, said, kld, tmp_path_factory
):
    weight = dict(type='BalancedWeight', iterations=1)
    loss = dict(type='KLDLoss', loss_weight=weight)
    transfers = dict(loss_kld=dict(kld('teacher', 'student'), loss=loss))
    run = runner(teacher={}, custom_hooks=[], transfers=transfers)
    run.model.transfers['loss_kld'].balance.means += 1e6
    run.model.transfers['loss_kld'].balance.count += 1
    former = tmp_path_factory.mktemp('former') / 'former.pth'
    torch.save(dict(state_dict=run.model.state_dict()), former)
    run = runner(
        teacher={},
        custom_hooks=[REPORT],
        transfers=transfers,
        load_from=str(former),
    )
    run.train()
    assert said and run.model.transfers['loss_kld'].balance.means.max() < 1e3


def test_buffers_of_a_frozen_teacher_are_put_back(runner, said):
    run = runner(teacher=dict(frozen=True), custom_hooks=[REPORT])
    teacher = run.model.stream('teacher').model
    counts = torch.zeros(())
    teacher.register_buffer('counts', counts)
    teacher.register_forward_hook(lambda *_: counts.add_(1))
    run.call_hook('before_run')
    run._train_loop = run.build_train_loop(run._train_loop)
    run.optim_wrapper = run.build_optim_wrapper(run.optim_wrapper)
    next(h for h in run.hooks if type(h).__name__ == REPORT['type'][6:]).before_train(
        run
    )
    assert said[0].startswith('A step takes') and counts == 0
