# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for Swin-S -> Swin-T: Table V. alpha and beta are those of section IV-C1.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/imagenet_swin_224.py',
    '../_base_/models/dkd_cls.py',
    '../_base_/schedules/dkd_adamw_swin_in1k.py',
]

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::swin_transformer/swin-small_16xb64_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/swin-transformer/swin_small_224_b16x64_300e_imagenet_20210615_110219-7f9d988b.pth',
            input_shape=(3, 224, 224),
        ),
        student=dict(
            config='mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py',
            input_shape=(3, 224, 224),
        ),
    )
)
