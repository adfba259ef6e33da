# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS on BCCD, ResNet-18 -> its half. The teacher was trained alone before, by
# `baselines/fcos_r18_bccd.py`.
_base_ = [
    '../_base_/dkd_det_runtime.py',
    '../_base_/datasets/bccd.py',
    '../_base_/models/dkd_dense.py',
    '../_base_/models/fcos_r18.py',
    '../_base_/schedules/dkd_sgd_24e.py',
]

detector = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'
three_classes = dict(model=dict(bbox_head=dict(num_classes=3)))
model = dict(
    streams=dict(
        teacher=dict(
            config=detector,
            model=dict(
                {**_base_.fcos_r18, 'bbox_head': dict(num_classes=3, **_base_.fcos_r18.bbox_head)}
            ),
            checkpoint='work_dirs/fcos_r18_bccd/epoch_24.pth',
        ),
    )
)
randomness = dict(seed=0)
