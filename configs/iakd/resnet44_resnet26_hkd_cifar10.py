# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# HKD alone on CIFAR-10, ResNet-44 -> ResNet-26: Table 7.
_base_ = './resnet44_resnet26_r-hkd_cifar10.py'

model = dict(
    _delete_=True,
    type='dynkd.Distillation',
    streams=_base_.model.streams,
    transfers=_base_.model.transfers,
)
