# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for ResNet34 -> ResNet34-half: Table II.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/imagenet_224.py',
    '../_base_/models/dkd_cls.py',
    '../_base_/models/halves_in1k.py',
    '../_base_/schedules/dkd_sgd_in1k.py',
]

model = dict(
    streams=dict(
        # "The teacher network uses the pretrained weights while the student network trains
        # from scratch" (section IV-B).
        teacher=dict(
            config='mmpretrain::resnet/resnet34_8xb32_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth',
        ),
        student=dict(
            config='mmpretrain::resnet/resnet34_8xb32_in1k.py',
            model=_base_.resnet34_half,
        ),
    ),
    transfers=dict(
        loss_emd=dict(
            target_connector=dict(
                type='ChannelAligner', in_channels=256, out_channels=512
            )
        )
    ),
)
