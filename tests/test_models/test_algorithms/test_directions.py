# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which parameters get gradients, and what a step moves, in each direction."""

import pytest
import torch
from mmengine.optim import OptimWrapper

from dynkd.registry import MODELS, OPTIM_WRAPPER_CONSTRUCTORS


def graded(model) -> set[str]:
    """Names of the parameters that have a gradient that is not zero."""
    return {
        name
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.grad.abs().sum() > 0
    }


def parameters(model, *prefixes: str) -> set[str]:
    """Names of the parameters that begin with one of the prefixes."""
    return {name for name, _ in model.named_parameters() if name.startswith(prefixes)}


def buffers(model, *streams: str) -> set[str]:
    """Names of the running statistics of some streams."""
    return {
        name
        for name, _ in model.named_buffers()
        if name.startswith(tuple(f'streams.{stream}.' for stream in streams))
        and name.split('.')[-1]
        in ('running_mean', 'running_var', 'num_batches_tracked')
    }


def backward(model, batch, *names: str) -> dict:
    """Run a training step's losses, and the backward pass of some of them."""
    losses = model(**batch, mode='loss')
    model.zero_grad()
    sum(losses[name] for name in names).backward()
    return losses


def wrapper(model, **streams):
    """An optimizer for each trained stream."""
    streams = streams or {
        name: dict(optimizer=dict(type='SGD', lr=0.1)) for name in model.streams
    }
    return OPTIM_WRAPPER_CONSTRUCTORS.get('StreamOptimWrapperConstructor')(
        dict(streams=streams)
    )(model)


@pytest.fixture
def mutual(build, classifier, kld):
    return build(
        teacher=dict(model=classifier(width=16)),
        student=dict(model=classifier()),
        transfers=dict(
            loss_kld_student=kld('teacher', 'student'),
            loss_kld_teacher=kld('student', 'teacher'),
        ),
    )


# ------------------------------------------------------- gradients of a transfer


@pytest.mark.parametrize('learner', ['student', 'teacher'])
def test_only_the_target_gets_gradients(mutual, cls_batch, learner):
    backward(mutual, cls_batch(), f'loss_kld_{learner}')
    assert graded(mutual) == parameters(mutual, f'streams.{learner}.')


def test_both_directions_give_each_its_own(mutual, cls_batch):
    """One backward pass of the sum gives what one for each transfer gives."""
    batch = cls_batch()
    mutual.eval()
    single = {}
    for learner in ('student', 'teacher'):
        backward(mutual, batch, f'loss_kld_{learner}')
        single.update(
            {n: p.grad for n, p in mutual.named_parameters() if f'.{learner}.' in n}
        )
        single = {n: g.clone() for n, g in single.items()}
    backward(mutual, batch, 'loss_kld_student', 'loss_kld_teacher')
    for name, parameter in mutual.named_parameters():
        torch.testing.assert_close(parameter.grad, single[name])


def test_own_losses_train_their_stream_alone(mutual, cls_batch):
    backward(mutual, cls_batch(), 'teacher/loss')
    assert graded(mutual) == parameters(mutual, 'streams.teacher.')


def test_undetached_source_learns_too(build, classifier, cls_batch, kld):
    model = build(
        teacher=dict(model=classifier()),
        student=dict(model=classifier()),
        transfers=dict(loss_kld=kld('teacher', 'student', detach_source=False)),
    )
    backward(model, cls_batch(), 'loss_kld')
    assert graded(model) == parameters(model, 'streams.')


def test_self_distillation_trains_what_lies_below_the_target(
    build, classifier, cls_batch
):
    model = build(
        student=dict(model=classifier()),
        transfers=dict(
            loss_self=dict(
                source='student.backbone[1]',
                target='student.backbone[0]',
                source_connector=dict(
                    type='ChannelAligner', in_channels=64, out_channels=32
                ),
                loss=dict(type='EMDLoss', layout='spatial'),
            )
        ),
    )
    backward(model, cls_batch(), 'loss_self')
    below = ('conv1', 'bn1', 'layer1', 'layer2', 'layer3')
    assert graded(model) == parameters(
        model,
        *(f'streams.student.backbone.{part}.' for part in below),
        'transfers.loss_self.source_connector.',
    )


def test_detector_taps_reach_exactly_what_lies_below(build, fcos, det_batch):
    model = build(
        teacher=dict(model=fcos(channels=32)),
        student=dict(model=fcos()),
        transfers=dict(
            loss_neck=dict(
                source='teacher.neck',
                target='student.neck',
                target_connector=dict(
                    type='ChannelAligner', in_channels=16, out_channels=32
                ),
                loss=dict(type='FeatureLoss'),
            ),
            loss_kld=dict(
                source='student.bbox_head[0]',
                target='teacher.bbox_head[0]',
                loss=dict(type='KLDLoss', activation='sigmoid'),
            ),
        ),
    )
    backward(model, det_batch(), 'loss_neck')
    assert graded(model) == parameters(
        model,
        'streams.student.backbone.',
        'streams.student.neck.',
        'transfers.loss_neck.target_connector.',
    )
    backward(model, det_batch(), 'loss_kld')
    assert graded(model) == parameters(
        model,
        'streams.teacher.backbone.',
        'streams.teacher.neck.',
        'streams.teacher.bbox_head.cls_convs.',
        'streams.teacher.bbox_head.conv_cls.',
    )


# --------------------------------------------------------------- what a step moves


def step(model, batch, optimizers, snapshot, moved) -> set[str]:
    """Make a training step; names of all parameters and buffers that moved."""
    before = snapshot(model)
    model.train_step(batch, optimizers)
    return moved(before, snapshot(model))


def test_step_moves_both_streams(mutual, cls_batch, snapshot, moved):
    names = step(mutual, cls_batch(), wrapper(mutual), snapshot, moved)
    expected = parameters(mutual, 'streams.') | buffers(mutual, 'teacher', 'student')
    assert names == expected


@pytest.mark.parametrize('resting', ['teacher', 'student'])
def test_step_leaves_a_frozen_stream_alone(
    build, classifier, cls_batch, kld, snapshot, moved, resting
):
    learner = dict(teacher='student', student='teacher')[resting]
    streams = dict(teacher=dict(model=classifier()), student=dict(model=classifier()))
    streams[resting]['frozen'] = True
    model = build(streams=streams, transfers=dict(loss_kld=kld(resting, learner)))
    names = step(model, cls_batch(), wrapper(model), snapshot, moved)
    assert names == parameters(model, f'streams.{learner}.') | buffers(model, learner)


def test_plain_optimizer_serves_one_trained_stream(
    build, classifier, cls_batch, kld, snapshot, moved
):
    model = build(
        teacher=dict(model=classifier(), frozen=True),
        student=dict(model=classifier()),
        transfers=dict(loss_kld=kld('teacher', 'student')),
    )
    plain = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    names = step(model, cls_batch(), plain, snapshot, moved)
    assert names == parameters(model, 'streams.student.') | buffers(model, 'student')


def test_norm_eval_keeps_statistics_and_trains_weights(
    build, classifier, cls_batch, kld, snapshot, moved
):
    model = build(
        teacher=dict(model=classifier(), norm_eval=True),
        student=dict(model=classifier()),
        transfers=dict(loss_kld=kld('student', 'teacher')),
    )
    names = step(model, cls_batch(), wrapper(model), snapshot, moved)
    assert names == parameters(model, 'streams.') | buffers(model, 'student')


def test_connector_is_trained_with_its_target(
    build, classifier, cls_batch, snapshot, moved
):
    """With a learning rate of 0 for the teacher, its connector stays too."""
    aligner = dict(type='ChannelAligner', in_channels=128, out_channels=64)
    model = build(
        teacher=dict(model=classifier(width=16)),
        student=dict(model=classifier()),
        transfers=dict(
            loss_student=dict(
                source='teacher.backbone[1]',
                target='student.backbone[1]',
                source_connector=aligner,
                loss=dict(type='FeatureLoss'),
            ),
            loss_teacher=dict(
                source='student.backbone[1]',
                target='teacher.backbone[1]',
                target_connector=aligner,
                loss=dict(type='FeatureLoss'),
            ),
        ),
    )
    optimizers = wrapper(
        model,
        teacher=dict(optimizer=dict(type='SGD', lr=0.0)),
        student=dict(optimizer=dict(type='SGD', lr=0.1)),
    )
    names = step(model, cls_batch(), optimizers, snapshot, moved)
    assert names == parameters(
        model, 'streams.student.', 'transfers.loss_student.'
    ) | buffers(model, 'teacher', 'student')


class Gauge(torch.nn.Module):
    """Passes the target on and measures it."""

    def forward(self, target, source):
        self.stats = dict(gap=(target - source).abs().mean().detach())
        return target


@pytest.fixture
def gauge():
    MODELS.register_module(module=Gauge, force=True)
    yield dict(type='Gauge')
    MODELS.module_dict.pop('Gauge')


def test_what_a_transfer_measures_is_logged_and_not_added(
    build, classifier, cls_batch, kld, gauge
):
    model = build(
        teacher=dict(model=classifier(), frozen=True),
        student=dict(model=classifier()),
        transfers=dict(loss_kld=kld('teacher', 'student', connector=gauge)),
    )
    losses = model(**cls_batch(), mode='loss')
    assert set(losses) == {'student/loss', 'loss_kld', 'kld/gap', 'kld/share'}
    share = losses['loss_kld'] / losses['student/loss']
    torch.testing.assert_close(losses['kld/share'], share)
    total, logged = model.parse_losses(losses)
    torch.testing.assert_close(total, losses['student/loss'] + losses['loss_kld'])
    assert logged['kld/gap'] == losses['kld/gap'] > 0
