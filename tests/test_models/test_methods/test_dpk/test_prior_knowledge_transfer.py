# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Prior knowledge between two models, from a config."""

import pytest
import torch


def dpk(tap='backbone[1]', student=64, teacher=64, kind='mse', **options):
    options.setdefault('decoder_depth', 1)
    return dict(
        source=f'teacher.{tap}',
        target=f'student.{tap}',
        connector=dict(
            type='PriorKnowledge',
            student_channels=student,
            teacher_channels=teacher,
            embed_dims=16,
            grid_size=2,
            encoder_depth=1,
            **options,
        ),
        loss=dict(type='FeatureLoss', kind=kind, loss_weight=0.2),
    )


@pytest.fixture
def pair(build, classifier):
    """A trained student and a frozen teacher, wider than it."""

    def pair(**transfers):
        return build(
            teacher=dict(model=classifier(width=16), frozen=True),
            student=dict(model=classifier()),
            transfers=transfers,
        )

    return pair


def test_a_step_moves_all_but_the_teacher(pair, cls_batch, snapshot, moved):
    model = pair(loss_dpk=dpk(teacher=128, ratio=0.5))
    before = snapshot(model)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses = model(**cls_batch(), mode='loss')
    total, log = model.parse_losses(losses)
    total.backward()
    optimizer.step()
    names = moved(before, snapshot(model))
    parameters = {name for name, _ in model.named_parameters()}
    assert {name for name in parameters if 'in_proj_bias' not in name} <= names
    assert not any(name.startswith('streams.teacher') for name in names)
    assert log['dpk/ratio'] == 0.5
    assert -1 <= log['dpk/cka'] <= 1
    added = losses['student/loss'] + losses['loss_dpk']
    assert total.item() == pytest.approx(added.item())


def test_ratio_follows_the_measured_similarity(pair, cls_batch):
    model = pair(loss_dpk=dpk(teacher=128))
    assert (model.transfers['loss_dpk'].connector.levels[0].ratio.measured == 0).all()
    for seed in range(3):
        losses = model(**cls_batch(size=8, seed=seed), mode='loss')
        expected = min(1 - losses['dpk/cka'].item(), 1)
        assert losses['dpk/ratio'].item() == pytest.approx(expected, abs=1e-6)


def test_several_stages(pair, cls_batch):
    model = pair(
        loss_dpk=dict(
            dpk(
                student=[32, 64],
                teacher=[64, 128],
                num_levels=2,
                ratio=dict(type='LinearSchedule', start=1.0, stop=0.05, end=10),
                decoder_depth=2,
            ),
            source=['teacher.backbone[0]', 'teacher.backbone[1]'],
            target=['student.backbone[0]', 'student.backbone[1]'],
        )
    )
    losses = model(**cls_batch(), mode='loss')
    assert losses['loss_dpk'].requires_grad
    assert losses['dpk/ratio_0'] == losses['dpk/ratio_1'] == 1
    assert losses['dpk/cka_0'] != losses['dpk/cka_1']


def test_a_schedule_that_needs_the_length_of_the_training(pair):
    # Which is not known yet when the model is built.
    pair(loss_dpk=dpk(teacher=128, ratio=dict(type='LinearSchedule', start=1, stop=0)))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(teacher=128, patch_size=3), 'smaller than a patch of 3x3'),
        (dict(teacher=64), 'has shape .* and so 128 channels, but teacher_channels=64'),
        (dict(teacher=128, tap='backbone'), 'student has 2 level.*num_levels=None'),
        (
            dict(teacher=128, ratio=dict(type='CosineRatio')),
            'no cosine between the student',
        ),
    ],
)
def test_errors_come_when_the_model_is_built(pair, options, message):
    with pytest.raises(ValueError, match=f'transfer `loss_dpk`.*{message}'):
        pair(loss_dpk=dpk(**options))


def test_errors_say_on_which_inputs_the_transfer_was_tried_out(build, classifier):
    def pair(**stream):
        build(
            teacher=dict(model=classifier(), frozen=True),
            student=dict(model=classifier(), **stream),
            transfers=dict(loss_dpk=dpk(patch_size=3, resize=True)),
        )

    tried = r"a dry run on inputs of the streams' input_shape=\(3, 64, 64\)"
    with pytest.raises(ValueError, match=rf'{tried}: set that to the size of the im'):
        pair()
    with pytest.raises(ValueError, match=rf'{tried} and \(3, 96, 96\): set that to'):
        pair(input_shape=(3, 96, 96))


def test_detectors(build, fcos, det_batch):
    model = build(
        teacher=dict(model=fcos(width=16), frozen=True),
        student=dict(model=fcos()),
        transfers=dict(
            loss_dpk=dpk(
                tap='neck',
                student=16,
                teacher=16,
                patch_size=[2, 2, 1],
                num_levels=3,
                ratio=dict(type='CKARatio', samples='positions'),
            )
        ),
    )
    losses = model(**det_batch(), mode='loss')
    assert {f'dpk/ratio_{index}' for index in range(3)} <= set(losses)
    losses['loss_dpk'].backward()
    assert model.streams.student.neck.lateral_convs[0].conv.weight.grad.abs().sum() > 0
