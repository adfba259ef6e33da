# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for ResNet152 -> ResNet50: Table II.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/models/dkd_cls.py',
    '../_base_/schedules/dkd_sgd_in1k.py',
]

model = dict(
    streams=dict(
        # "The teacher network uses the pretrained weights while the student network trains
        # from scratch" (section IV-B).
        teacher=dict(
            config='mmpretrain::resnet/resnet152_8xb32_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet152_8xb32_in1k_20210901-4d7582fa.pth',
        ),
        student=dict(config='mmpretrain::resnet/resnet50_8xb32_in1k.py'),
    ),
)
