# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R on Tiny-ImageNet, ResNet-80 -> ResNet-26: Table 7. The teacher was trained alone
# before, by `baselines/resnet80_iakd_tiny-imagenet.py`.
_base_ = '../_base_/iakd_tiny-imagenet.py'

model = dict(
    streams=dict(
        teacher=dict(
            model=_base_.resnet80,
            checkpoint='work_dirs/resnet80_iakd_tiny-imagenet/epoch_300.pth',
        ),
        student=dict(model=_base_.resnet26),
    )
)
