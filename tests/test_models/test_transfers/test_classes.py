# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The dimension of the classes is that of the head's classes."""

import pytest
import torch

from dynkd.models.taps import Tap, TapError
from dynkd.models.transfers.classes import class_channels
from dynkd.models.transfers.losses import KLDLoss

DETR = dict(
    config='mmdet::detr/detr_r50_8xb2-150e_coco.py',
    model=dict(
        num_queries=7,
        backbone=dict(depth=18, base_channels=8, init_cfg=None, norm_eval=False),
        neck=dict(in_channels=[64]),
        encoder=dict(num_layers=1),
        decoder=dict(num_layers=2),
        bbox_head=dict(num_classes=3),
    ),
)


def transfer(**loss) -> dict:
    taps = dict(source='teacher.bbox_head[0]', target='student.bbox_head[0]')
    return dict(loss_kld=dict(taps, loss=dict(type='KLDLoss', **loss)))


@pytest.mark.parametrize('class_dim', [1, 2, -1])
def test_logits_of_detr(build, class_dim):
    """Of shape (layers, images, queries, classes and background)."""
    model = build(student=dict(DETR))
    tap = Tap.parse('student.bbox_head[0]')
    classes = class_channels([tap], model.all_streams)
    sides = torch.randn(2, 2, 2, 7, 4)
    loss = KLDLoss(class_dim=class_dim)
    if class_dim == -1:
        assert torch.isfinite(loss(*sides, classes=classes))
        return
    size = {1: 2, 2: 7}[class_dim]
    expected = (
        rf'dimension {class_dim} has {size} entries, but the head that learns predicts '
        r'4 classes; set class_dim=-1'
    )
    with pytest.raises(ValueError, match=expected):
        loss(*sides, classes=classes)


def test_taps_of_detr_are_checked_when_the_model_is_built(build):
    taps = dict(source='teacher.encoder[5]', target='student.encoder')
    transfers = dict(loss_x=dict(taps, loss=dict(type='FeatureLoss')))
    with pytest.raises(TapError, match=r'teacher.encoder\[5\]'):
        build(dict(DETR, frozen=True), dict(DETR), transfers=transfers)


def test_classes_of_each_head(build, fcos, faster_rcnn, classifier):
    taps = dict(
        fcos='bbox_head[0]', two='roi_head.bbox_head[0]', cls='head', fc='head.fc'
    )
    shape = dict(input_shape=(3, 64, 64))
    streams = dict(
        fcos=dict(model=fcos(num_classes=6), **shape),
        two=dict(model=faster_rcnn(num_classes=6), **shape),
        cls=dict(model=classifier(num_classes=6), **shape),
        fc=dict(model=classifier(num_classes=6), **shape),
    )
    model = build(streams=streams)

    def found(*texts: str) -> tuple[int, ...]:
        return class_channels([Tap.parse(text) for text in texts], model.all_streams)

    assert {n: found(f'{n}.{tap}') for n, tap in taps.items()} == dict(
        fcos=(6,), two=(6, 7), cls=(6,), fc=(6,)
    )
    assert found('cls.head', 'fc.head.fc') == (6,)
    for other in ('fcos.bbox_head[1]', 'fcos.neck', 'two.rpn_head[0]', 'cls.backbone'):
        assert found(other) == found('cls.head', other) == ()


def test_anchors_that_share_the_dimension(build, faster_rcnn, fcos):
    """A RetinaNet's scores of all anchors would compete in one distribution."""
    head = dict(
        type='RetinaHead',
        num_classes=4,
        in_channels=16,
        feat_channels=16,
        stacked_convs=1,
        anchor_generator=dict(
            type='AnchorGenerator', scales=[4], ratios=[0.5, 2.0], strides=[8, 16, 32]
        ),
    )
    retina = dict(fcos(), type='mmdet.RetinaNet', bbox_head=head)
    streams = (dict(model=retina, frozen=True), dict(model=retina))
    with pytest.raises(ValueError, match='8 entries.*4 classes; set num_anchors=2'):
        build(*streams, transfers=transfer())
    build(*streams, transfers=transfer(num_anchors=2))
    # Of sigmoid, each score stands for itself.
    build(*streams, transfers=transfer(activation='sigmoid'))
