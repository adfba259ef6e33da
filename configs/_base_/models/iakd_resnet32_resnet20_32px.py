# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R for ResNet-32 and ResNet-20 with 16, 32 and 64 channels, for 10 classes.
_base_ = ['./iakd.py', './cifar_backbones_10.py']

model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet32), student=dict(model=_base_.resnet20)
    )
)
