# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The control of IAKD: what the group stands for, against Eq. 6."""

import pytest
import torch

from dynkd.models.methods.iakd import draw_paths
from dynkd.models.schedules import Progress

GROUP = dict(type='NonInteractiveTransfers', probability=0.6)


@pytest.fixture
def control(build, classifier):
    """Build a ResNet-18 that learns from a frozen ResNet-34 without interaction."""

    def make(backbones=None, **group):
        streams = dict(teacher=dict(depth=34), student=dict(depth=18))
        for name, own in streams.items():
            model = classifier()
            model['backbone'].update(own, **(backbones or {}).get(name, {}))
            channels = model['backbone'].get('in_channels', 3)
            streams[name] = dict(model=model, input_shape=(channels, 64, 64))
        streams['teacher']['frozen'] = True
        return build(**streams, transfers=dict(loss_nia=dict(GROUP, **group)))

    return make


def test_pairs(control):
    """The ends of the paths that interaction would have."""
    model = control()
    assert list(model.transfers) == ['loss_nia_feature']
    pairs = model.transfers['loss_nia_feature'].pairs
    assert [(str(source), str(target)) for source, target in pairs] == [
        (f'teacher.backbone.layer{stage}.{last}', f'student.backbone.layer{stage}.1')
        for stage, last in ((1, 2), (2, 3), (3, 5), (4, 2))
    ]


def test_equation(control, cls_batch, yielded, progress):
    model = control(loss_weight=0.5)
    pairs = model.transfers['loss_nia_feature'].pairs
    taps = [str(tap) for pair in pairs for tap in pair]
    counted = set()
    for at in range(4):
        progress(iter=at, seed=1)
        losses, out = yielded(model, cls_batch(), *taps)
        drawn = draw_paths(4, 0.6, Progress.current())
        expected = sum(
            a * (out[str(target)] - out[str(source)]).pow(2).mean().item()
            for (source, target), a in zip(pairs, drawn)
        )
        assert losses['loss_nia_feature'].item() == pytest.approx(
            0.5 * expected, rel=1e-4
        )
        assert losses['nia_feature/p'] == pytest.approx(0.6)
        assert losses['nia_feature/counted'] == sum(drawn) / 4
        counted.add(sum(drawn))
    assert len(counted) > 1


def test_the_student_learns_in_whole(control, cls_batch):
    """All of its blocks run, and the teacher's only teach."""
    model = control(probability=0.01)
    losses = model(**cls_batch(), mode='loss')
    model.parse_losses(losses)[0].backward()
    student = model.stream('student').model.named_parameters()
    assert all(p.grad.abs().sum().item() > 0 for _, p in student)
    assert all(p.grad is None for p in model.stream('teacher').model.parameters())


def test_given_pairs_and_levels(control):
    given = [dict(student='backbone.layer2.1', teacher='backbone.layer2.2')]
    (pair,) = control(pairs=given).transfers['loss_nia_feature'].pairs
    assert [tap.module for tap in pair] == ['backbone.layer2.2', 'backbone.layer2.1']
    model = control(dict(student=dict(depth=34)), level='group')
    grouped = model.transfers['loss_nia_feature'].pairs
    assert [target.module for _, target in grouped] == [
        f'backbone.layer{stage}.{last}'
        for stage, last in ((1, 2), (2, 3), (3, 5), (4, 2))
    ]


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(probability=0.0), r'`loss_nia_feature`: RandomLevelsLoss: .*\(0, 1\]'),
        (dict(level='stage'), '`loss_nia`: level must be one of'),
        (
            dict(
                level='group',
                pairs=[dict(student='backbone.layer1.1', teacher='backbone.layer1.1')],
            ),
            '`loss_nia`: `level` is for pairs that are found',
        ),
        (dict(student='pupil'), '`loss_nia`: there is no stream `pupil`'),
        (
            dict(backbones=dict(student=dict(depth=34), teacher=dict(depth=18))),
            '`loss_nia`: the teacher has 1 block',
        ),
        (
            dict(
                pairs=[dict(student='backbone.layer1.0', teacher='backbone.layer2.1')]
            ),
            r'`loss_nia`: pair `backbone.layer1.0 <- .*\(8, 16, 16\)',
        ),
    ],
)
def test_errors(control, cfg, message):
    with pytest.raises(ValueError, match=message):
        control(**cfg)


def test_the_streams_shapes(control):
    """Pairs are found on the inputs of each stream, here of two and one channels."""
    model = control(dict(student=dict(in_channels=2), teacher=dict(in_channels=1)))
    assert len(model.transfers['loss_nia_feature'].pairs) == 4


def test_a_teacher_that_runs_again_in_the_backward_pass(control):
    """Nothing is swapped in, and a frozen teacher has no backward pass."""
    model = control(dict(teacher=dict(with_cp=True)))
    assert len(model.transfers['loss_nia_feature'].pairs) == 4


def test_shapes_are_tried_out(control, cls_batch):
    """Without a runner, too, whatever the schedule needs."""
    review = dict(type='ReviewSchedule', start=0.1)
    model = control(probability=review)
    with torch.no_grad():
        losses = model(**cls_batch(), mode='loss')
    assert losses['loss_nia_feature'] > 0
