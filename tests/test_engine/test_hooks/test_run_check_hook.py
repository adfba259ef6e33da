# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What cannot work in a run stops it before its first step."""

import logging
from typing import Any, Callable

import pytest
import torch
from batch_items import Items
from mmengine.hooks import LoggerHook
from mmengine.registry import DATA_SAMPLERS
from mmengine.runner import Runner
from torch.utils.data import BatchSampler

from dynkd.engine.hooks import run_check_hook
from dynkd.engine.hooks.run_check_hook import RunCheckHook
from dynkd.models.algorithms.phase import build_phases

HOOKS = [dict(type='dynkd.RunCheckHook')]
FGD = dict(type='FGDLoss', foreground=2e-3, background=5e-4)


@pytest.fixture
def training(tmp_path) -> Callable[..., Runner]:
    """Build a runner of one epoch that distils a teacher into a student."""

    def build(
        stream: dict,
        transfers: dict,
        batch: dict,
        loader: dict,
        hooks: Any = HOOKS,
        loop: Any = None,
        branches: Any = None,
        **model: Any,
    ) -> Runner:
        student = dict(branches=branches)
        streams = {
            name: dict(model=stream, input_shape=(3, 64, 64), **own)
            for name, own in dict(teacher=dict(frozen=True), student=student).items()
        }
        return Runner(
            model=dict(
                type='dynkd.Distillation',
                streams=streams,
                transfers=transfers,
                **model,
            ),
            work_dir=str(tmp_path),
            train_dataloader=dict(
                dataset=Items(batch),
                num_workers=0,
                sampler=dict(type='DefaultSampler', shuffle=False),
                collate_fn=dict(type='pseudo_collate'),
                **loader,
            ),
            train_cfg=loop or dict(by_epoch=True, max_epochs=1),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-3)),
            custom_hooks=hooks,
            default_scope='mmengine',
            log_level='ERROR',
            experiment_name=tmp_path.name,
        )

    return build


@pytest.fixture
def dpk(training, classifier, cls_batch) -> Callable[..., Runner]:
    """Build a runner of DPK for classifiers."""

    def build(
        ratio: dict, hooks: Any = HOOKS, loop: Any = None, phases: Any = None, **loader
    ) -> Runner:
        transfer = dict(
            source='teacher.backbone[0]',
            target='student.backbone[0]',
            connector=dict(
                type='PriorKnowledge',
                student_channels=32,
                teacher_channels=32,
                embed_dims=16,
                grid_size=4,
                encoder_depth=1,
                decoder_depth=1,
                num_heads=2,
                ratio=ratio,
            ),
            loss=dict(type='FeatureLoss', kind='mse'),
        )
        batch = cls_batch(size=8)
        transfers = dict(loss_dpk=transfer)
        return training(
            classifier(), transfers, batch, loader, hooks, loop, phases=phases
        )

    return build


@pytest.fixture
def fgd(training, fcos, det_batch) -> Callable[..., Runner]:
    """Build a runner of FGD, on data whose ground truth may be changed."""

    def build(change: Callable[[Any], None], **loss: Any) -> Runner:
        batch = det_batch(size=4)
        for sample in batch['data_samples']:
            change(sample.gt_instances)
        transfer = dict(
            source='teacher.neck', target='student.neck', loss=dict(FGD, **loss)
        )
        return training(fcos(), dict(loss_fgd=transfer), batch, dict(batch_size=2))

    return build


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


def test_cka_needs_four_images_a_batch(dpk):
    refused(
        dpk(dict(type='CKARatio'), batch_size=3),
        r'transfer `loss_dpk` \(teacher\.backbone\[0\] -> student\.backbone\[0\]\): '
        r'CKARatio: a batch of 3 image\(s\) per process has fewer than the 4 samples .*'
        "raise the batch size, set samples='positions', or give a number",
    )


@pytest.mark.parametrize(
    'ratio, batch_size',
    [
        (dict(type='CKARatio'), 4),
        # The last batch of an epoch, of two images, is no reason to stop.
        (dict(type='CKARatio'), 6),
        (dict(type='CKARatio', samples='positions'), 2),
        (dict(type='LinearSchedule', start=1.0, stop=0.05), 2),
    ],
)
def test_other_ratios_and_batches_train(dpk, ratio, batch_size):
    trains(dpk(ratio, batch_size=batch_size), -(-8 // batch_size))


def test_a_sampler_of_batches_says_their_size(dpk):
    DATA_SAMPLERS.register_module('Pairs', module=_pairs, force=True)
    loader = dict(batch_sampler=dict(type='Pairs'), batch_size=8)
    try:
        refused(dpk(dict(type='CKARatio'), **loader), 'a batch of 2 image')
    finally:
        del DATA_SAMPLERS.module_dict['Pairs']


def _pairs(sampler: Any, batch_size: int) -> BatchSampler:
    """Batches of two, whatever the loader says."""
    return BatchSampler(sampler, 2, drop_last=False)


def test_without_the_hook_the_first_step_stops(dpk):
    runner = dpk(dict(type='CKARatio'), hooks=[], batch_size=3)
    with pytest.raises(ValueError, match='a batch of 3 image'):
        runner.train()


def test_fgd_needs_boxes(fgd):
    refused(
        fgd(lambda instances: instances.pop('bboxes')),
        r'transfer `loss_fgd` .*: FGDLoss: the training\'s first data sample has no '
        r"`gt_instances\.bboxes`.*dict\(type='LoadAnnotations', with_bbox=True\)",
    )


def test_fgd_needs_boxes_of_four_numbers(fgd):
    def widen(instances: Any) -> None:
        boxes = instances.pop('bboxes')
        instances.bboxes = torch.cat((boxes, boxes[:, :1]), 1)

    refused(
        fgd(widen), r'the boxes of .* have shape \(2, 5\); they must be \(boxes, 4\)'
    )


def test_fgd_takes_images_without_a_box(fgd):
    def empty(instances: Any) -> None:
        boxes, labels = instances.pop('bboxes'), instances.pop('labels')
        instances.bboxes, instances.labels = boxes[:0], labels[:0]

    trains(fgd(empty), 2)


def test_fgd_without_masks_needs_no_boxes(fgd):
    runner = fgd(
        lambda instances: instances.pop('bboxes'),
        foreground=0.0,
        background=0.0,
        attention=1e-4,
    )
    RunCheckHook().before_train(runner)


@pytest.fixture
def dtskd(training, classifier, cls_batch) -> Callable[..., Runner]:
    """Build a runner of a student with branches on 7 images."""

    def build(module: Any = None, loop: Any = None, **loader: Any) -> Runner:
        module = dict(type='MixedFusionModule', **(module or {}))
        cfg = dict(loop=loop, branches=dict(module=module))
        return training(classifier(), {}, cls_batch(size=7), loader, **cfg)

    return build


@pytest.mark.parametrize('batch_size', [1, 3])
def test_branches_cannot_learn_from_a_last_batch_of_one(dtskd, batch_size):
    refused(
        dtskd(batch_size=batch_size),
        'branches of stream `student`: MixedFusionModule: batch normalisation cannot '
        r'learn from a batch of one .*`drop_last=True` leaves out',
    )


@pytest.mark.parametrize(
    'options, steps',
    [
        (dict(batch_size=4), 2),
        (dict(batch_size=7), 1),
        (dict(batch_size=3, drop_last=True), 2),
        # The training ends before it comes to the last batch.
        (dict(batch_size=3, loop=dict(by_epoch=False, max_iters=2)), 2),
        (dict(batch_size=3, module=dict(norm_cfg=None)), 3),
        (dict(batch_size=3, module=dict(fusion='none')), 3),
    ],
)
def test_branches_learn_from_other_batches(dtskd, options, steps):
    trains(dtskd(**options), steps)


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
            custom_hooks=[dict(type='dynkd.RunCheckHook')],
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
