# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import torch
from mmdet.models.dense_heads import SSDHead
from mmdet.structures import DetDataSample
from mmengine.config import ConfigDict

from dynkd.compat import mmdet_ssd


def test_an_ssd_predicts():
    head = SSDHead(
        num_classes=2,
        in_channels=(4,),
        anchor_generator=dict(
            type='mmdet.SSDAnchorGenerator',
            scale_major=False,
            input_size=32,
            basesize_ratio_range=(0.2, 0.9),
            strides=[8],
            ratios=[[2]],
            min_sizes=[8],
            max_sizes=[16],
        ),
        bbox_coder=dict(type='mmdet.DeltaXYWHBBoxCoder'),
        test_cfg=ConfigDict(
            nms_pre=10,
            score_thr=0.0,
            min_bbox_size=0,
            nms=dict(type='nms', iou_threshold=0.5),
            max_per_img=3,
        ),
    )
    sample = DetDataSample(
        metainfo=dict(img_shape=(32, 32), scale_factor=(1.0, 1.0), ori_shape=(32, 32))
    )
    (found,) = head.predict((torch.rand(1, 4, 4, 4),), [sample])
    assert len(found) <= 3


def test_what_has_losses_keeps_them(monkeypatch):
    monkeypatch.setattr(SSDHead, 'loss_cls', 'its own')
    mmdet_ssd._mend()
    assert SSDHead.loss_cls == 'its own'
