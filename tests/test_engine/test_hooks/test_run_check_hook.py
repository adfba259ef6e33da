# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What cannot work in a run stops it before its first step."""

import logging
from typing import Any

import pytest
import torch
from mmengine.hooks import LoggerHook
from run_outcomes import HOOKS, refused, trains

from dynkd.engine.hooks import run_check_hook
from dynkd.models.algorithms.phase import build_phases

ITERATIONS = dict(by_epoch=False, max_iters=3)
LINEAR = dict(type='LinearSchedule', start=1.0, stop=0.0)


def test_a_schedule_of_epochs_in_a_training_of_iterations(dpk):
    refused(
        dpk(LINEAR, loop=ITERATIONS, batch_size=4),
        r'LinearSchedule of `transfers\.loss_dpk\.connector\..*` counts epochs, of '
        'which IterBasedTrainLoop has none.*by_epoch=False',
    )


@pytest.mark.parametrize(
    'ratio', [dict(LINEAR, by_epoch=False), 0.5, dict(type='CKARatio')]
)
def test_what_counts_iterations_trains(dpk, ratio):
    trains(dpk(ratio, loop=ITERATIONS, batch_size=4), 3)


@pytest.mark.parametrize('by_epoch', [True, False])
def test_phases_of_epochs_in_a_training_of_iterations(dpk, by_epoch):
    phases = [
        dict(name='first', transfers=[], by_epoch=by_epoch),
        dict(name='then', begin=1, by_epoch=by_epoch),
    ]
    runner = dpk(0.5, loop=ITERATIONS, phases=phases, batch_size=4)
    if by_epoch:
        refused(runner, 'phase `then` counts epochs')
    else:
        trains(runner, 3)


def test_a_phase_that_is_never_reached(dpk):
    phases = [dict(name='first'), dict(name='then', begin=1)]
    runner = dpk(0.5, phases=phases, batch_size=4)
    refused(runner, 'phase `then` begins after 1 epochs, .* ends after 1')


def test_several_processes_look_for_unused_parameters(dpk):
    """Also with an optimizer that is not DynKD's."""
    phases = [dict(name='first', transfers=[]), dict(name='then', begin=1)]
    runner = dpk(0.5, phases=phases, batch_size=4)
    runner.model.find_unused_parameters = False
    refused(runner, 'phase `first` leaves parameters .*find_unused_parameters = True')


@pytest.mark.parametrize('begin, refuses', [(0, True), (1, False)])
def test_a_plateau_does_not_count_the_rest_of_its_stream(runner, begin, refuses):
    plateau = dict(
        type='ReduceOnPlateauLR',
        monitor='teacher/accuracy/top1',
        patience=0,
        begin=begin,
    )
    built = runner(
        custom_hooks=HOOKS, param_scheduler=dict(teacher=[plateau], student=[])
    )
    phases = [dict(name='static', frozen=['teacher']), dict(name='dynamic', begin=1)]
    built.model.phases = build_phases(phases)
    if refuses:
        refused(built, r'ReduceOnPlateauLR of stream `teacher` .*`static`.*`begin=1`')
    else:
        trains(built, 4)


@pytest.mark.parametrize('best', ['stdent/top1', ['student/accuracy/top1', 'tacher/a']])
def test_the_best_is_that_of_a_stream(runner, best):
    checkpoint = dict(type='CheckpointHook', save_best=best, rule='greater')
    built = runner(custom_hooks=HOOKS, default_hooks=dict(checkpoint=checkpoint))
    refused(built, 'save_best: no stream .*Write `student/.*teacher, student')


def test_a_model_without_transfers_is_left_alone(runner, classifier):
    trains(
        runner(
            model=classifier(),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            val_cfg=None,
            val_dataloader=None,
            val_evaluator=None,
            custom_hooks=HOOKS,
        ),
        4,
    )


# ------------------------------------------------------- transfers that drown the task


@pytest.mark.parametrize(
    ('weight', 'first', 'told'),
    [(1.0, 1.0, []), (1e5, 1e5, [1]), (1e5, 0.0, [4])],
)
def test_a_transfer_of_100_times_the_task_is_warned_of_once(
    training, classifier, cls_batch, kld, monkeypatch, weight, first, told
):
    """In the first step, or else when the log is written, every second one here."""
    said = []

    def listen(text: str, **options: Any) -> None:
        if 'task loss' in text:
            said.append((text, options['level']))

    monkeypatch.setattr(run_check_hook, 'print_log', listen)
    transfer = dict(
        source='teacher.backbone[1]',
        target='student.backbone[1]',
        loss=dict(
            type='FeatureLoss',
            loss_weight=dict(
                type='StepSchedule',
                values=[first, weight],
                milestones=[2],
                by_epoch=False,
            ),
        ),
    )
    runner = training(
        classifier(),
        dict(loss_far=transfer, loss_kld=kld('teacher', 'student')),
        cls_batch(size=12),
        dict(batch_size=2),
    )
    for hook in runner.hooks:
        if isinstance(hook, LoggerHook):
            hook.interval = 2
    runner.train()
    assert [level for _, level in said] == [logging.WARNING] * len(told)
    for (text, _), iteration in zip(said, told):
        assert text.startswith('Transfer `loss_far` is ')
        assert f'of its learner `student` in iteration {iteration}, ' in text


def test_a_test_alone_has_the_weights_that_it_loads(runner, tmp_path):
    run = runner(teacher=dict(frozen=True), custom_hooks=[])
    for parameter in run.model.stream('student').model.parameters():
        parameter.data.fill_(0.25)
    torch.save(dict(state_dict=run.model.state_dict()), tmp_path / 'both.pth')
    state = run.model.stream('student').model.state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'student.pth')

    def tested(name):
        return runner(
            teacher=dict(frozen=True),
            custom_hooks=HOOKS,
            train_cfg=None,
            train_dataloader=None,
            optim_wrapper=None,
            test_cfg=dict(type='dynkd.StreamTestLoop'),
            test_dataloader=dict(run._val_dataloader),
            test_evaluator=dict(type='Accuracy', topk=(1,)),
            load_from=str(tmp_path / name),
        )

    other = tested('both.pth')
    other.test()
    for name, parameter in other.model.stream('student').model.named_parameters():
        assert (parameter == 0.25).all(), name
    with pytest.raises(RuntimeError, match='not of this distillation'):
        tested('student.pth').test()
