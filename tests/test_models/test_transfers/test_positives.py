# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Divergences that are normalised as dense detectors normalise their loss."""

import pytest
import torch
from torch import nn

from dynkd.models.taps import TapError


def dense(anchors: int, **transfer) -> dict:
    """A divergence by the positives, and its sum."""
    kld = dict(type='KLDLoss', activation='sigmoid', num_anchors=anchors)
    ways = dict(
        source='teacher.bbox_head[0]', target='student.bbox_head[0]', **transfer
    )
    return {
        f'loss_{reduction}': dict(loss=dict(kld, reduction=reduction), **ways)
        for reduction in ('positives', 'sum')
    }


@pytest.fixture
def retinanet(fcos):
    """Config of a RetinaNet with 2 anchors at each position."""
    cfg = fcos()
    cfg.update(
        type='mmdet.RetinaNet',
        bbox_head=dict(
            type='RetinaHead',
            num_classes=3,
            in_channels=16,
            feat_channels=16,
            stacked_convs=1,
            anchor_generator=dict(
                type='AnchorGenerator',
                scales=[2, 4],
                ratios=[1.0],
                strides=[8, 16, 32],
            ),
            bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
            loss_cls=dict(type='FocalLoss', use_sigmoid=True),
            loss_bbox=dict(type='L1Loss'),
        ),
        train_cfg=dict(
            assigner=dict(
                type='MaxIoUAssigner',
                pos_iou_thr=0.5,
                neg_iou_thr=0.4,
                min_pos_iou=0,
                ignore_iof_thr=-1,
            ),
            sampler=dict(type='PseudoSampler'),
            allowed_border=-1,
            pos_weight=-1,
            debug=False,
        ),
    )
    return cfg


@pytest.mark.parametrize('kind', ['fcos', 'retinanet'])
@pytest.mark.parametrize('frozen', [True, False])
def test_divided_as_the_head_divides_its_classification_loss(
    kind, frozen, build, fcos, retinanet, det_batch
):
    stream = fcos() if kind == 'fcos' else retinanet
    model = build(
        teacher=dict(model=stream, frozen=frozen),
        student=dict(model=stream),
        transfers=dense(anchors=1 if kind == 'fcos' else 2),
    )
    factors = []
    loss_cls = model.stream('student').model.bbox_head.loss_cls
    handle = loss_cls.register_forward_pre_hook(
        lambda module, args, kwargs: factors.append(float(kwargs['avg_factor'])),
        with_kwargs=True,
    )
    losses = model(**det_batch(), mode='loss')
    handle.remove()
    assert len(set(factors)) == 1 and factors[0] > 1
    torch.testing.assert_close(
        losses['loss_positives'], losses['loss_sum'] / factors[0]
    )
    losses['loss_positives'].backward()
    heads = {name: model.stream(name).model.bbox_head for name in model.all_streams}
    grads = [p.grad for p in heads['student'].parameters()]
    assert any(grad is not None and grad.abs().sum() > 0 for grad in grads)
    assert all(p.grad is None for p in heads['teacher'].parameters())
    assert not loss_cls._forward_hooks


def test_images_without_objects(build, fcos, det_batch):
    model = build(
        teacher=dict(model=fcos(), frozen=True),
        student=dict(model=fcos()),
        transfers=dense(anchors=1),
    )
    batch = det_batch()
    for sample in batch['data_samples']:
        sample.gt_instances = sample.gt_instances[:0]
    losses = model(**batch, mode='loss')
    torch.testing.assert_close(losses['loss_positives'], losses['loss_sum'])


def test_two_stage_heads_and_classifiers_are_refused(
    build, faster_rcnn, classifier, kld
):
    loss = dict(type='KLDLoss', reduction='positives')
    message = "has not. Take another `reduction` than 'positives'"
    for stream, module, extra in (
        (faster_rcnn(), 'roi_head.bbox_head[0]', dict(proposals='student')),
        (classifier(), 'head', {}),
    ):
        ways = dict(source=f'teacher.{module}', target=f'student.{module}')
        with pytest.raises(ValueError, match=message):
            build(
                teacher=dict(model=stream, **extra),
                student=dict(model=stream),
                transfers=dict(loss_kld=dict(loss=loss, **ways)),
            )


class OneHotLoss(nn.Module):
    """Takes any targets, as YOLOX's does."""

    def forward(self, predictions, targets, avg_factor):
        return predictions.sum() / avg_factor


def test_a_head_whose_loss_receives_no_labels(build, fcos, det_batch):
    model = build(
        teacher=dict(model=fcos(), frozen=True),
        student=dict(model=fcos()),
        transfers=dense(anchors=1),
    )
    head = model.stream('student').model.bbox_head
    head.loss_cls = OneHotLoss()
    head.loss_cls.register_forward_pre_hook(
        lambda module, args: (args[0], args[1].float())
    )
    with pytest.raises(TapError, match='OneHotLoss receives no label'):
        model(**det_batch(), mode='loss')


def test_shapes_are_checked_in_the_dry_run(build, fcos):
    with pytest.raises(ValueError, match='they classify into 3 and 4 classes'):
        build(
            teacher=dict(model=fcos(num_classes=4), frozen=True),
            student=dict(model=fcos(num_classes=3)),
            transfers=dense(anchors=1),
        )
