# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Optimizers are built for each stream, or it is said why they cannot be."""

import copy

import pytest

SGD = dict(optimizer=dict(type='SGD', lr=0.1))


def test_names_of_parameters_are_those_of_the_plain_model(build, classifier, wrap, sgd):
    """A `paramwise_cfg` written for the plain model serves the stream."""
    aligner = dict(type='ChannelAligner', in_channels=64, out_channels=128)
    model = build(
        teacher=dict(model=classifier(width=16)),
        student=dict(model=classifier()),
        transfers=dict(
            loss_x=dict(
                source='teacher.backbone[1]',
                target='student.backbone[1]',
                target_connector=aligner,
                loss=dict(type='FeatureLoss'),
            )
        ),
    )
    custom = dict(
        backbone=dict(lr_mult=0.1),
        head=dict(lr_mult=10.0),
        transfers=dict(lr_mult=2.0),
    )
    wrapper = wrap(
        model,
        dict(teacher=sgd(0.3), student=sgd(1.0, paramwise=dict(custom_keys=custom))),
    )
    rates = {
        id(p): group['lr']
        for group in wrapper['student'].optimizer.param_groups
        for p in group['params']
    }
    student = model.stream('student').model
    for part, rate in (
        (student.backbone, 0.1),
        (student.head, 10.0),
        (model.transfers['loss_x'], 2.0),
    ):
        assert {rates.pop(id(p)) for p in part.parameters()} == {rate}
    assert not rates
    assert len(wrapper['teacher'].optimizer.param_groups) == 1


def test_constructor_of_a_library(build, kld, wrap):
    """Layer-wise decay asks the model for the depth of its layers, connector or not."""
    vit = dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(
            type='VisionTransformer',
            arch=dict(
                embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=16
            ),
            img_size=32,
            patch_size=16,
        ),
        head=dict(type='VisionTransformerClsHead', num_classes=3, in_channels=16),
    )
    transfer = dict(
        kld('teacher', 'student'),
        target_connector=dict(
            type='ChannelAligner', in_channels=3, out_channels=3, dims=0
        ),
    )
    model = build(
        teacher=dict(model=vit, input_shape=(3, 32, 32), frozen=True),
        student=dict(model=vit, input_shape=(3, 32, 32)),
        transfers=dict(loss_x=transfer),
    )
    wrapper = wrap(
        model,
        dict(
            student=dict(
                optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1),
                paramwise_cfg=dict(layer_decay_rate=0.5),
                constructor='mmpretrain.LearningRateDecayOptimWrapperConstructor',
            )
        ),
    )
    groups = wrapper['student'].optimizer.param_groups
    assert {group['lr'] for group in groups} == {1.0, 0.5, 0.25, 0.125}
    held = {id(p) for group in groups for p in group['params']}
    assert held == {id(p) for p in model.parameters()}


def test_settings_for_all_streams(model, wrap):
    wrapper = wrap(
        model,
        dict(teacher=dict(optimizer=dict(lr=0.01)), student=dict(clip_grad=None)),
        optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.1),
        clip_grad=dict(max_norm=2.0),
        paramwise_cfg=dict(norm_decay_mult=0.0),
    )
    assert {w.optimizer.defaults['momentum'] for w in wrapper.values()} == {0.9}
    assert [w.optimizer.defaults['lr'] for w in wrapper.values()] == [0.01, 0.1]
    assert wrapper['teacher'].clip_grad_kwargs == dict(max_norm=2.0)
    assert wrapper['student'].clip_grad_kwargs is None


def test_every_parameter_is_in_one_optimizer(model, wrap, sgd):
    wrapper = wrap(model, dict(teacher=sgd(), student=sgd()))
    held = [
        id(p)
        for w in wrapper.values()
        for g in w.optimizer.param_groups
        for p in g['params']
    ]
    assert len(held) == len(set(held))
    assert set(held) == {id(p) for p in model.parameters()}


@pytest.mark.parametrize(
    ('streams', 'shared', 'message'),
    [
        (None, {}, '`streams` is missing.*streams=dict'),
        ({}, {}, '`streams` is missing'),
        (dict(teacher=SGD), {}, '`student` is trained and has no optimizer'),
        (
            dict(teacher=SGD, student=SGD, tutor=SGD),
            {},
            'no stream `tutor`.* Trained: teacher, student',
        ),
        (
            dict(teacher=SGD, student=dict(SGD, accumulative_counts=2)),
            {},
            '`accumulative_counts` of stream `student`.*Put it beside',
        ),
        (
            dict(teacher=SGD, student=SGD),
            dict(max_norm=3),
            r'`max_norm` belongs to a stream, at `streams\.<name>\.max_norm`',
        ),
        (
            dict(teacher=SGD, student={}),
            {},
            '`student` is trained and has no optimizer',
        ),
    ],
)
def test_bad_configs(model, streams, shared, message, wrap):
    with pytest.raises(ValueError, match=message):
        wrap(model, copy.deepcopy(streams), **shared)


def test_optimizer_of_a_frozen_stream(build, classifier, wrap, sgd):
    model = build(
        teacher=dict(model=classifier(), frozen=True), student=dict(model=classifier())
    )
    with pytest.raises(ValueError, match='`teacher` is frozen.*Trained: student'):
        wrap(model, dict(teacher=sgd(), student=sgd()))
    assert list(wrap(model, dict(student=sgd())).keys()) == ['student']


def test_phases_that_several_processes_would_wait_for(build, classifier, wrap, sgd):
    """DistributedDataParallel has to look for unused parameters in such phases."""
    model = build(
        teacher=dict(model=classifier()),
        student=dict(model=classifier()),
        phases=[dict(name='rest', frozen=['teacher'])],
    )
    model.find_unused_parameters = False
    with pytest.raises(ValueError, match='phase `rest`.*find_unused_parameters = True'):
        wrap(model, dict(teacher=sgd(), student=sgd()))


def test_blocks_that_several_processes_would_wait_for(model, wrap, sgd):
    wrap(model, dict(teacher=sgd(), student=sgd()))
    model.find_unused_parameters = False
    model.leaves_unused = lambda: {'the interaction': 'of its blocks'}
    with pytest.raises(ValueError, match='interaction.*find_unused_parameters = True'):
        wrap(model, dict(teacher=sgd(), student=sgd()))
