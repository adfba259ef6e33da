# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-10 at 16x16, ResNet-20 -> ResNet-8. Tokens are as narrow as fits so small
# networks (ours), with one block in each encoder and in the decoder ((1-1) of Table 17):
# the usual six have eleven times as many parameters as the student, and take five times
# as long as its step.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar10_16px.py',
    '../_base_/models/dpk.py',
    '../_base_/models/resnet20_resnet8_16px.py',
    '../_base_/schedules/sgd_30e.py',
]

model = dict(
    streams=_base_.trained_pair,
    transfers=dict(
        loss_dpk=dict(
            connector=dict(
                student_channels=64,
                teacher_channels=64,
                embed_dims=64,
                encoder_depth=1,
                decoder_depth=1,
                num_heads=4,
                grid_size=4,
            )
        )
    ),
)
randomness = dict(seed=0)
work_dir = 'work_dirs/dpk_resnet20_resnet8_cifar10-16px'
