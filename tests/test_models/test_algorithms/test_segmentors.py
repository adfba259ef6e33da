# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Streams of MMSegmentation, whose heads call their own ``forward``."""

import pytest
import torch
import torch.nn.functional as F

pytest.importorskip('mmseg')

KLD = dict(type='KLDLoss')


def transfer(tap: str, other: str = '', **more) -> dict:
    """From the teacher to the student."""
    return (
        dict(source=f'teacher.{other or tap}', target=f'student.{tap}', loss=KLD) | more
    )


def divergence(target: torch.Tensor, source: torch.Tensor) -> torch.Tensor:
    """The mean over the pixels of the divergence of their class probabilities."""
    total = torch.zeros(())
    batch, _, rows, columns = target.shape
    for index in range(batch):
        for row in range(rows):
            for column in range(columns):
                own = target[index, :, row, column].softmax(0)
                reference = source[index, :, row, column].softmax(0)
                total += (reference * (reference / own).log()).sum()
    return total / (batch * rows * columns)


def said_by(model, module: str) -> dict:
    """What a module of both streams will have said, by the modules inside of it."""
    said = {}
    for name in model.all_streams:
        model.stream(name).model.get_submodule(module).register_forward_hook(
            lambda module, args, output, name=name: said.update({name: output})
        )
    return said


@pytest.mark.parametrize(
    'tap', ['decode_head', 'decode_head.conv_seg', 'auxiliary_head.0']
)
@pytest.mark.parametrize('frozen', [True, False])
def test_pixels_are_compared_one_by_one(build, segmentor, seg_batch, frozen, tap):
    model = build(
        teacher=dict(model=segmentor(width=16), frozen=frozen),
        student=dict(model=segmentor()),
        transfers=dict(loss_kld=transfer(tap)),
    )
    head = tap if tap.endswith('conv_seg') else f'{tap}.conv_seg'
    said = said_by(model, head)
    losses = model(**seg_batch(), mode='loss')
    assert said['student'].shape == said['teacher'].shape == (2, 4, 8, 8)
    expected = divergence(said['student'], said['teacher'].detach())
    torch.testing.assert_close(losses['loss_kld'], expected)
    assert ('teacher/decode.loss_ce' in losses) is not frozen
    gradients = torch.autograd.grad(
        losses['loss_kld'],
        list(model.stream('student').model.parameters()),
        allow_unused=True,
    )
    assert any(g is not None and g.abs().sum() > 0 for g in gradients)


def test_a_frozen_teacher_sees_no_labels(build, segmentor, seg_batch):
    """Body and head run; the loss, which would need labels, does not."""
    model = build(
        teacher=dict(model=segmentor(), frozen=True),
        student=dict(model=segmentor()),
        transfers=dict(loss_kld=transfer('decode_head')),
    )
    ran = []
    teacher = model.stream('teacher').model
    for name in ('backbone', 'decode_head.loss_decode', 'auxiliary_head.0.conv_seg'):
        teacher.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: ran.append(name)
        )
    model(**seg_batch(), mode='loss')
    assert ran == ['backbone']


def test_logits_of_unequal_strides(build, segmentor, seg_batch):
    fine = segmentor()
    fine['backbone'].update(strides=(1, 1, 1, 1))
    model = build(
        teacher=dict(model=fine, frozen=True),
        student=dict(model=segmentor()),
        transfers=dict(
            loss_kld=transfer('decode_head', connector=dict(type='ResolutionAligner'))
        ),
    )
    said = said_by(model, 'decode_head.conv_seg')
    losses = model(**seg_batch(), mode='loss')
    assert said['teacher'].shape == (2, 4, 16, 16)
    own = F.interpolate(said['student'], (16, 16), mode='bilinear')
    torch.testing.assert_close(losses['loss_kld'], divergence(own, said['teacher']))


def test_unequal_strides_and_classes_show_when_it_is_built(build, segmentor):
    fine = segmentor()
    fine['backbone'].update(strides=(1, 1, 1, 1))
    for teacher, message in (
        (fine, r'loss_kld.*correspond one to one.*ResolutionAligner.* resizes'),
        (segmentor(num_classes=5), r'loss_kld.*4 and 5 classes'),
    ):
        with pytest.raises(ValueError, match=message):
            build(
                teacher=dict(model=teacher, frozen=True),
                student=dict(model=segmentor()),
                transfers=dict(loss_kld=transfer('decode_head')),
            )


def test_another_dimension_than_that_of_the_classes_is_refused(build, segmentor):
    loss = dict(type='KLDLoss', class_dim=2)
    with pytest.raises(
        ValueError, match='8 entries.*predicts 4 classes; set class_dim=-3'
    ):
        build(
            teacher=dict(model=segmentor(), frozen=True),
            student=dict(model=segmentor()),
            transfers=dict(loss_kld=transfer('decode_head', loss=loss)),
        )


def test_a_frozen_cascade_runs_whole(build, segmentor, seg_batch):
    """Its second head needs what the first predicted."""
    first = segmentor()['decode_head']
    second = dict(first, type='OCRHead', channels=8, ocr_channels=4)
    second.pop('num_convs')
    cascade = segmentor(
        type='mmseg.CascadeEncoderDecoder',
        num_stages=2,
        decode_head=[first, second],
        auxiliary_head=None,
    )
    model = build(
        teacher=dict(model=cascade, frozen=True),
        student=dict(model=segmentor()),
        transfers=dict(loss_kld=transfer('decode_head', 'decode_head.1')),
    )
    losses = model(**seg_batch(), mode='loss')
    assert losses['loss_kld'] > 0


def test_streams_share_a_batch_and_not_its_labels(build, segmentor, seg_batch):
    streams = dict(first=dict(model=segmentor()), second=dict(model=segmentor()))
    model = build(streams=streams)
    batch = seg_batch()
    before = batch['data_samples'][0].gt_sem_seg.data.clone()
    prepared = model.batches(batch, ['first', 'second'], True)
    first, second = (prepared[name] for name in ('first', 'second'))
    assert first['inputs'] is second['inputs']
    first['data_samples'][0].gt_sem_seg.data.fill_(7)
    assert torch.equal(second['data_samples'][0].gt_sem_seg.data, before)


def test_both_streams_predict(build, segmentor, seg_batch):
    model = build(
        teacher=dict(model=segmentor(), frozen=True),
        student=dict(model=segmentor()),
        transfers=dict(loss_kld=transfer('decode_head')),
    ).eval()
    found = model.predict_streams(seg_batch())
    assert set(found) == {'teacher', 'student'}
    for samples in found.values():
        assert samples[0].pred_sem_seg.data.shape == (1, 64, 64)
        assert samples[0].gt_sem_seg.data.shape == (1, 64, 64)
    assert found['teacher'][0] is not found['student'][0]
