# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Streams of MMAction2, whose bodies also say how their heads are called."""

import pytest
import torch

SHAPES = dict(Recognizer2D=(2, 3, 32, 32), Recognizer3D=(1, 3, 4, 32, 32))


@pytest.mark.parametrize('kind', list(SHAPES))
@pytest.mark.parametrize('frozen', [True, False])
def test_recognizers(build, recognizer, kind, frozen, clip_batch):
    model = build(
        teacher=dict(model=recognizer(kind), frozen=frozen, input_shape=SHAPES[kind]),
        student=dict(model=recognizer(kind), input_shape=SHAPES[kind]),
        transfers=dict(
            loss_kld=dict(
                source='teacher.cls_head',
                target='student.cls_head',
                loss=dict(type='KLDLoss'),
            ),
            loss_feature=dict(
                source='teacher.backbone',
                target='student.backbone',
                loss=dict(type='FeatureLoss'),
            ),
        ),
    )
    said = {}
    for name in model.all_streams:
        model.stream(name).model.cls_head.register_forward_hook(
            lambda module, args, output, name=name: said.update({name: output})
        )
    losses = model(**clip_batch(SHAPES[kind]), mode='loss')
    assert said['teacher'].shape == said['student'].shape == (2, 5)
    reference = said['teacher'].detach().softmax(1)
    expected = reference * (reference.log() - said['student'].log_softmax(1))
    torch.testing.assert_close(losses['loss_kld'], expected.sum(1).mean())
    assert ('teacher/loss_cls' in losses) is not frozen


@pytest.mark.parametrize('kind', list(SHAPES))
def test_recognizers_are_tried_out(build, recognizer, kind):
    """Channels that do not fit show when the model is built."""
    target = recognizer(kind)
    target['cls_head']['num_classes'] = 7
    with pytest.raises(ValueError, match='loss_x.*7 and 5 classes'):
        build(
            teacher=dict(model=recognizer(kind), input_shape=SHAPES[kind]),
            student=dict(model=target, input_shape=SHAPES[kind]),
            transfers=dict(
                loss_x=dict(
                    source='teacher.cls_head',
                    target='student.cls_head',
                    loss=dict(type='KLDLoss'),
                )
            ),
        )
