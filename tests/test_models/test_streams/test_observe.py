# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Frozen models whose heads need more than features are read all the same."""

import pytest
import torch

from dynkd.models.taps import Recorder, Tap


def deformable_detr(det_preprocessor):
    attention = dict(embed_dims=16, num_levels=2, num_heads=2, batch_first=True)
    layer = dict(
        self_attn_cfg=attention, ffn_cfg=dict(embed_dims=16, feedforward_channels=16)
    )
    own = dict(embed_dims=16, num_heads=2, batch_first=True)
    decoder = dict(layer, self_attn_cfg=own, cross_attn_cfg=attention)
    return dict(
        type='mmdet.DeformableDETR',
        num_queries=6,
        num_feature_levels=2,
        data_preprocessor=det_preprocessor,
        backbone=dict(
            type='ResNet', depth=18, base_channels=8, num_stages=4, out_indices=(2, 3)
        ),
        neck=dict(
            type='ChannelMapper',
            in_channels=[32, 64],
            kernel_size=1,
            out_channels=16,
            act_cfg=None,
            norm_cfg=dict(type='GN', num_groups=4),
            num_outs=2,
        ),
        encoder=dict(num_layers=1, layer_cfg=layer),
        decoder=dict(
            num_layers=2,
            return_intermediate=True,
            layer_cfg=decoder,
            post_norm_cfg=None,
        ),
        positional_encoding=dict(num_feats=8, normalize=True, offset=-0.5),
        bbox_head=dict(
            type='DeformableDETRHead',
            num_classes=3,
            embed_dims=16,
            loss_cls=dict(type='FocalLoss', use_sigmoid=True),
            loss_bbox=dict(type='L1Loss'),
            loss_iou=dict(type='GIoULoss'),
        ),
        train_cfg=dict(
            assigner=dict(
                type='HungarianAssigner',
                match_costs=[dict(type='FocalLossCost'), dict(type='BBoxL1Cost')],
            )
        ),
        test_cfg=dict(max_per_img=5),
    )


def condinst(fcos):
    model = fcos()
    head = model['bbox_head']
    head.update(type='CondInstBboxHead', num_params=169)
    model.update(
        type='mmdet.CondInst',
        mask_head=dict(
            type='CondInstMaskHead',
            mask_feature_head=dict(
                in_channels=16,
                feat_channels=8,
                start_level=0,
                end_level=2,
                out_channels=8,
                mask_stride=8,
                num_stacked_convs=1,
                norm_cfg=dict(type='BN', requires_grad=True),
            ),
            loss_mask=dict(type='DiceLoss', use_sigmoid=True, activate=True, eps=5e-6),
        ),
    )
    model['data_preprocessor']['pad_mask'] = True
    model['test_cfg'].update(mask_thr=0.5)
    return model


@pytest.fixture
def masked_batch(det_batch):
    """A batch with a mask for each box."""
    from mmdet.structures.mask import BitmapMasks

    batch = det_batch()
    for sample in batch['data_samples']:
        masks = torch.zeros(2, 64, 64, dtype=torch.uint8)
        for mask, box in zip(masks, sample.gt_instances.bboxes.int().tolist()):
            mask[box[1] : box[3], box[0] : box[2]] = 1
        sample.gt_instances.masks = BitmapMasks(masks.numpy(), 64, 64)
    return batch


def mse(source, target):
    return dict(source=source, target=target, loss=dict(type='FeatureLoss'))


@pytest.mark.parametrize('place', ['encoder', 'neck'])
def test_a_frozen_detr_teaches_by_its_memory(build, fcos, det_batch, place):
    own = fcos()['data_preprocessor']
    models = [deformable_detr(own) for _ in range(2)]
    model = build(
        teacher=dict(model=models[0], frozen=True),
        student=dict(model=models[1]),
        transfers=dict(loss_x=mse(f'teacher.{place}', f'student.{place}')),
    )
    losses = model(**det_batch(), mode='loss')
    assert losses['loss_x'] > 0 and losses['loss_x'].requires_grad


def test_its_head_is_that_of_its_predictions(build, fcos, det_batch):
    """Its losses want more than its transformer returns in evaluation mode."""
    own = fcos()['data_preprocessor']
    model = build(
        teacher=dict(model=deformable_detr(own), frozen=True),
        student=dict(model=fcos()),
    )
    stream = model.stream('teacher')
    seen = []
    stream.model.bbox_head.register_forward_hook(
        lambda module, args, output: seen.append(output[0])
    )
    batch = stream.prepare(det_batch(), False)
    stream.observe(Recorder([Tap.parse('teacher.bbox_head[0]')]), **batch)
    stream.model._run_forward(batch, mode='predict')
    assert torch.equal(*seen)


@pytest.mark.parametrize('place', ['bbox_head[0]', 'decoder[0]'])
def test_queries_of_two_detrs_are_not_compared(build, fcos, place):
    own = fcos()['data_preprocessor']
    streams = {
        name: dict(model=deformable_detr(own)) for name in ('teacher', 'student')
    }
    message = r'loss_x.*`teacher\.\w+\[0\]` .*queries.*common order.*`encoder`'
    with pytest.raises(ValueError, match=message):
        build(
            streams=streams,
            transfers=dict(loss_x=mse(f'teacher.{place}', f'student.{place}')),
        )


def test_a_frozen_mask_head_that_needs_boxes(build, fcos, masked_batch):
    place = 'mask_head.mask_feature_head'
    model = build(
        teacher=dict(model=condinst(fcos), frozen=True),
        student=dict(model=condinst(fcos)),
        transfers=dict(loss_x=mse(f'teacher.{place}', f'student.{place}')),
    )
    losses = model(**masked_batch, mode='loss')
    assert losses['loss_x'] > 0 and losses['loss_x'].requires_grad
