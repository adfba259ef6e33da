# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Configs of tiny models of MMPretrain, MMDetection and MMSegmentation, as fixtures."""

from typing import Any, Callable

import pytest

MEAN, STD = [127.5] * 3, [63.75] * 3


@pytest.fixture(scope='session')
def classifier() -> Callable[..., dict]:
    """Config of a ResNet-18 of MMPretrain, 8 channels wide."""

    def config(num_classes: int = 5, width: int = 8, **model: Any) -> dict:
        return dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(
                type='ResNet',
                depth=18,
                base_channels=width,
                stem_channels=width,
                out_indices=(2, 3),
                # Else the residual branches get no gradient in the first step.
                zero_init_residual=False,
            ),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='LinearClsHead',
                num_classes=num_classes,
                in_channels=8 * width,
                loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
            ),
            data_preprocessor=dict(
                mean=MEAN, std=STD, to_rgb=False, num_classes=num_classes
            ),
            **model,
        )

    return config


@pytest.fixture(scope='session')
def vision_transformer() -> Callable[..., dict]:
    """Config of a ViT of MMPretrain, of 65 tokens of 16 channels on 64 x 64 pixels."""

    def config(depth: int = 2, **backbone: Any) -> dict:
        arch = dict(
            embed_dims=16, num_layers=depth, num_heads=2, feedforward_channels=16
        )
        own = dict(type='VisionTransformer', arch=arch, img_size=64, patch_size=8)
        return dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(own, **backbone),
            head=dict(type='VisionTransformerClsHead', num_classes=5, in_channels=16),
            data_preprocessor=dict(mean=MEAN, std=STD, num_classes=5),
        )

    return config


def _det_preprocessor() -> dict:
    return dict(type='DetDataPreprocessor', mean=MEAN, std=STD, pad_size_divisor=32)


def _det_body(width: int, channels: int, num_outs: int) -> dict:
    return dict(
        backbone=dict(
            type='ResNet',
            depth=18,
            base_channels=width,
            num_stages=4,
            out_indices=(0, 1, 2, 3),
            style='pytorch',
            zero_init_residual=False,
        ),
        neck=dict(
            type='FPN',
            in_channels=[width, 2 * width, 4 * width, 8 * width],
            out_channels=channels,
            start_level=1 if num_outs == 3 else 0,
            num_outs=num_outs,
        ),
    )


@pytest.fixture(scope='session')
def fcos() -> Callable[..., dict]:
    """Config of an FCOS of MMDetection with three levels."""

    def config(num_classes: int = 3, channels: int = 16, width: int = 8) -> dict:
        return dict(
            type='mmdet.FCOS',
            data_preprocessor=_det_preprocessor(),
            **_det_body(width, channels, 3),
            bbox_head=dict(
                type='FCOSHead',
                num_classes=num_classes,
                in_channels=channels,
                feat_channels=channels,
                stacked_convs=1,
                strides=[8, 16, 32],
                regress_ranges=((-1, 32), (32, 64), (64, 1e8)),
                norm_cfg=dict(type='GN', num_groups=4),
            ),
            test_cfg=dict(
                nms_pre=20,
                score_thr=0.0,
                nms=dict(type='nms', iou_threshold=0.5),
                max_per_img=5,
            ),
        )

    return config


@pytest.fixture(scope='session')
def faster_rcnn() -> Callable[..., dict]:
    """Config of a Faster R-CNN of MMDetection that samples 16 RoIs an image."""
    assigner = dict(
        type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.1
    )
    sampler = dict(
        type='RandomSampler',
        num=16,
        pos_fraction=0.5,
        neg_pos_ub=-1,
        add_gt_as_proposals=True,
    )
    coder = dict(
        type='DeltaXYWHBBoxCoder', target_means=[0.0] * 4, target_stds=[0.1] * 4
    )
    nms = dict(type='nms', iou_threshold=0.7)

    def config(num_classes: int = 3, channels: int = 16, width: int = 8) -> dict:
        return dict(
            type='mmdet.FasterRCNN',
            data_preprocessor=_det_preprocessor(),
            **_det_body(width, channels, 5),
            rpn_head=dict(
                type='RPNHead',
                in_channels=channels,
                feat_channels=channels,
                anchor_generator=dict(
                    type='AnchorGenerator',
                    scales=[4],
                    ratios=[0.5, 2.0],
                    strides=[4, 8, 16, 32, 64],
                ),
                bbox_coder=coder,
                loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True),
                loss_bbox=dict(type='L1Loss'),
            ),
            roi_head=dict(
                type='StandardRoIHead',
                bbox_roi_extractor=dict(
                    type='SingleRoIExtractor',
                    roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
                    out_channels=channels,
                    featmap_strides=[4, 8, 16, 32],
                ),
                bbox_head=dict(
                    type='Shared2FCBBoxHead',
                    in_channels=channels,
                    fc_out_channels=16,
                    roi_feat_size=7,
                    num_classes=num_classes,
                    bbox_coder=coder,
                    reg_class_agnostic=False,
                    loss_cls=dict(type='CrossEntropyLoss'),
                    loss_bbox=dict(type='L1Loss'),
                ),
            ),
            train_cfg=dict(
                rpn=dict(
                    assigner=assigner, sampler=sampler, pos_weight=-1, allowed_border=-1
                ),
                rpn_proposal=dict(nms_pre=50, max_per_img=30, nms=nms, min_bbox_size=0),
                rcnn=dict(assigner=assigner, sampler=sampler, pos_weight=-1),
            ),
            test_cfg=dict(
                rpn=dict(nms_pre=50, max_per_img=10, nms=nms, min_bbox_size=0),
                rcnn=dict(score_thr=0.0, nms=nms, max_per_img=5),
            ),
        )

    return config


@pytest.fixture(scope='session')
def segmentor() -> Callable[..., dict]:
    """Config of a small segmentor of MMSegmentation, with logits of stride 8."""

    def config(num_classes: int = 4, width: int = 8, **model: Any) -> dict:
        pytest.importorskip('mmseg')
        head = dict(
            type='FCNHead',
            channels=width,
            num_convs=1,
            num_classes=num_classes,
            norm_cfg=dict(type='BN'),
        )
        return dict(
            dict(
                type='mmseg.EncoderDecoder',
                data_preprocessor=dict(
                    type='SegDataPreProcessor', mean=MEAN, std=STD, size_divisor=32
                ),
                backbone=dict(
                    type='ResNet',
                    depth=18,
                    base_channels=width,
                    stem_channels=width,
                    strides=(1, 2, 1, 1),
                    dilations=(1, 1, 2, 4),
                    zero_init_residual=False,
                ),
                decode_head=dict(head, in_channels=8 * width, in_index=3),
                auxiliary_head=[dict(head, in_channels=4 * width, in_index=2)],
                test_cfg=dict(mode='whole'),
            ),
            **model,
        )

    return config
