# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Bad input stops the build, with what is wrong, where, and what would be right."""

import pytest
import torch
import torch.nn as nn

from dynkd.models.taps import TapError
from dynkd.registry import MODELS


class IdleBranch(nn.Module):
    """A ResNet's wrapper with a module that runs in evaluation mode only."""

    def __init__(self, **cfg):
        super().__init__()
        from mmpretrain.registry import MODELS as CLASSIFIERS

        self.body = CLASSIFIERS.build(dict(cfg, type='mmpretrain.ResNet'))
        self.extra = nn.Identity()

    def forward(self, x):
        x = self.body(x)
        return x if self.training else tuple(map(self.extra, x))


@pytest.fixture
def idle_branch():
    MODELS.register_module(name='IdleBranch', module=IdleBranch, force=True)
    yield 'dynkd.IdleBranch'
    MODELS.module_dict.pop('IdleBranch')


def two(classifier, **teacher):
    return dict(
        teacher=dict(model=classifier(**teacher)), student=dict(model=classifier())
    )


@pytest.mark.parametrize(
    ('tap', 'message'),
    [
        (
            'student.bakbone',
            r'loss_x.*`student\.bakbone`.*no module `bakbone`.*backbone',
        ),
        ('student.head.fcc', r'`head\.fcc`.*nearest are: .*head\.fc'),
        ('tutor.head', 'loss_x.*no stream `tutor`.*teacher, student'),
        ('student', 'loss_x.*`student` is not a tap.*stream.module'),
        ('teacher.head', 'loss_x.*same tap'),
    ],
)
def test_unknown_tap(build, classifier, tap, message):
    transfer = dict(source='teacher.head', target=tap, loss=dict(type='KLDLoss'))
    with pytest.raises(ValueError, match=message):
        build(**two(classifier), transfers=dict(loss_x=transfer))


@pytest.mark.parametrize(
    ('target', 'message'),
    [
        ('student.backbone[5]', r'student\.backbone\[5\].*index 5.*has 2 items'),
        ('student.head[0]', r'student\.head\[0\].*Tensor.*cannot be indexed'),
        ('student.backbone.fc', r'no module `backbone\.fc`'),
        ('student.head.loss_module', r'student\.head\.loss_module` yielded nothing'),
    ],
)
def test_tap_that_yields_nothing_of_the_kind(build, classifier, target, message):
    transfer = dict(source='teacher.head', target=target, loss=dict(type='KLDLoss'))
    with pytest.raises((TapError, ValueError), match=message):
        build(**two(classifier), transfers=dict(loss_x=transfer))


def test_tap_that_yields_nothing_in_the_first_step(
    build, classifier, cls_batch, idle_branch
):
    student = classifier()
    student['backbone']['type'] = idle_branch
    model = build(
        teacher=dict(model=classifier()),
        student=dict(model=student),
        transfers=dict(
            loss_x=dict(
                source='teacher.backbone',
                target='student.backbone.extra',
                loss=dict(type='FeatureLoss'),
            )
        ),
    )
    with pytest.raises(TapError, match=r'student\.backbone\.extra` yielded nothing'):
        model(**cls_batch(), mode='loss')


@pytest.mark.parametrize('phases', [None, [dict(name='first', frozen=['student'])]])
def test_transfer_to_a_frozen_stream(build, classifier, kld, phases):
    streams = two(classifier)
    streams['student']['frozen'] = phases is None
    where = 'frozen and cannot learn' if phases is None else 'in phase `first`'
    with pytest.raises(
        ValueError, match=rf'loss_x.*student\.head.*{where}.*Train that'
    ):
        build(
            streams=streams,
            transfers=dict(loss_x=kld('teacher', 'student')),
            phases=phases,
        )


def test_undetached_frozen_source(build, classifier, kld):
    streams = two(classifier)
    streams['teacher']['frozen'] = True
    transfer = kld('teacher', 'student', detach_source=False)
    with pytest.raises(
        ValueError, match='loss_x.*detach_source.*frozen stream `teacher`'
    ):
        build(streams=streams, transfers=dict(loss_x=transfer))


def test_unequal_channels(build, classifier):
    transfer = dict(
        source='teacher.backbone[1]',
        target='student.backbone[1]',
        loss=dict(type='EMDLoss', layout='spatial'),
    )
    message = (
        r'transfer `loss_x` \(teacher\.backbone\[1\] -> student\.backbone\[1\]\)'
        r'.*\(4, 64, 2, 2\).*\(4, 128, 2, 2\).*ChannelAligner.*in_channels=64'
    )
    with pytest.raises(ValueError, match=message):
        build(**two(classifier, width=16), transfers=dict(loss_x=transfer))


def test_unequal_classes(build, classifier, fcos, kld):
    with pytest.raises(ValueError, match='loss_x.*5 and 7 classes.*same classes'):
        build(
            **two(classifier, num_classes=7),
            transfers=dict(loss_x=kld('teacher', 'student')),
        )
    transfer = dict(
        source='teacher.bbox_head[0]',
        target='student.bbox_head[0]',
        loss=dict(type='KLDLoss', activation='sigmoid'),
    )
    with pytest.raises(ValueError, match='loss_x.*3 and 4 classes'):
        build(
            teacher=dict(model=fcos(num_classes=4)),
            student=dict(model=fcos()),
            transfers=dict(loss_x=transfer),
        )


FGD = dict(type='FGDLoss', foreground=1e-3, background=1e-3)


@pytest.mark.parametrize('loss', [FGD, dict(type='FeatureLoss')])
def test_connector_that_fails_shows_when_the_model_is_built(build, fcos, loss):
    """Whether or not the loss needs data samples, and waits for the first step."""
    transfer = dict(
        source='teacher.bbox_head',
        target='student.bbox_head',
        target_connector=dict(type='TokensToMap'),
        loss=loss,
    )
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'shape'"):
        build(
            teacher=dict(model=fcos()),
            student=dict(model=fcos()),
            transfers=dict(loss_x=transfer),
        )


def test_loss_that_needs_boxes_waits_for_the_first_step(build, fcos, det_batch):
    transfer = dict(source='teacher.neck', target='student.neck', loss=FGD)
    model = build(
        teacher=dict(model=fcos()),
        student=dict(model=fcos()),
        transfers=dict(loss_x=transfer),
    )
    # Nothing of the try-out is left.
    parts = model.transfers['loss_x'].children()
    assert not any(part._forward_pre_hooks for part in parts)
    assert model(**det_batch(), mode='loss')['loss_x'] > 0


@pytest.mark.parametrize('temperature', [0, -1.0])
def test_temperature(build, classifier, kld, temperature):
    transfer = kld('teacher', 'student')
    transfer['loss'] = dict(type='KLDLoss', temperature=temperature)
    place = r'`transfers\.loss_x\.loss\.temperature`'
    with pytest.raises(ValueError, match=f'{place} must lie in'):
        build(**two(classifier), transfers=dict(loss_x=transfer))


def test_missing_checkpoint(build, classifier, tmp_path):
    path = str(tmp_path / 'none.pth')
    with pytest.raises(FileNotFoundError, match=r'`teacher`.*none\.pth.*not exist'):
        build(
            teacher=dict(model=classifier(), checkpoint=path),
            student=dict(model=classifier()),
        )


def test_checkpoint_of_another_architecture(build, classifier, tmp_path):
    path = str(tmp_path / 'other.pth')
    state = build(student=dict(model=classifier(width=16))).stream('student').model
    state = state.state_dict()
    state['surplus.weight'] = state.pop('head.fc.bias')
    torch.save(dict(state_dict=state), path)
    with pytest.raises(RuntimeError) as info:
        build(student=dict(model=classifier(), checkpoint=path))
    message = str(info.value)
    for part in (
        '`student`',
        'other.pth',
        'ImageClassifier',
        'missing (1): head.fc.bias',
        'unexpected (1): surplus.weight',
        'of another shape',
        'backbone.conv1.weight (16, 3, 7, 7) for (8, 3, 7, 7)',
        'init_cfg',
    ):
        assert part in message


def test_checkpoint_of_a_whole_distillation(build, classifier, tmp_path):
    path = str(tmp_path / 'run.pth')
    torch.save(build(**two(classifier)).state_dict(), path)
    with pytest.raises(RuntimeError, match='whole distillation: export the stream'):
        build(student=dict(model=classifier(), checkpoint=path))


def test_unknown_field_of_a_stream(build, classifier):
    with pytest.raises(KeyError, match='`student`.*`frosen`.*Did you mean `frozen`'):
        build(student=dict(model=classifier(), frosen=True))


@pytest.mark.parametrize('stream', [dict(), dict(model=dict(backbone=dict()))])
def test_stream_without_model(build, stream):
    with pytest.raises(ValueError, match='`student` names no model.*config='):
        build(student=stream)


def test_name_of_a_stream(build, classifier):
    with pytest.raises(ValueError, match='valid identifier, got `big-teacher`'):
        build(streams={'big-teacher': dict(model=classifier())})


def test_all_streams_frozen(build, classifier):
    with pytest.raises(ValueError, match='all streams are frozen'):
        build(teacher=dict(model=classifier(), frozen=True))


@pytest.mark.parametrize('name', ['kld', 'loss.kld'])
def test_name_of_a_transfer(build, classifier, kld, name):
    with pytest.raises(ValueError, match=f'`{name}`.*must contain "loss" and no dot'):
        build(**two(classifier), transfers={name: kld('teacher', 'student')})


def test_unknown_field_of_a_transfer(build, classifier, kld):
    with pytest.raises(TypeError, match='loss_x.*`?conector'):
        build(
            **two(classifier),
            transfers=dict(loss_x=kld('teacher', 'student', conector=None)),
        )


def test_unknown_loss(build, classifier, kld):
    transfer = dict(kld('teacher', 'student'), loss=dict(type='KLLoss'))
    with pytest.raises(KeyError, match='loss_x.*KLLoss'):
        build(**two(classifier), transfers=dict(loss_x=transfer))


def test_transfer_without_a_field(build, classifier):
    with pytest.raises(TypeError, match='loss_x.*target'):
        build(**two(classifier), transfers=dict(loss_x=dict(source='teacher.head')))


def test_unknown_stream(build, classifier):
    with pytest.raises(KeyError, match='no stream `tutor`. Streams: student'):
        build(student=dict(model=classifier())).stream('tutor')


def test_config_of_a_package_that_is_missing(build):
    with pytest.raises(ModuleNotFoundError, match='`student`.*`mmnothing` is not inst'):
        build(student=dict(config='mmnothing::a/b.py'))


def test_config_file_that_is_missing(build, tmp_path):
    with pytest.raises(FileNotFoundError):
        build(student=dict(config=str(tmp_path / 'none.py')))


def test_config_file_without_model(build, tmp_path):
    path = tmp_path / 'empty.py'
    path.write_text('x = 1')
    with pytest.raises(ValueError, match=r'`student`.*empty\.py` has no `model`'):
        build(student=dict(config=str(path)))


@pytest.mark.parametrize('name', ['loss', 'student/loss_kld'])
def test_a_transfer_with_the_name_of_another_loss_is_refused(
    build, classifier, kld, name
):
    streams = dict(model=classifier()), dict(model=classifier())
    with pytest.raises(ValueError, match=f'`{name}`: `loss` is the total in the log'):
        build(*streams, transfers={name: kld('teacher', 'student')})
