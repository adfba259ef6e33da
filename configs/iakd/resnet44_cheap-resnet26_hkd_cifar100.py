# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# HKD alone on CIFAR-100, ResNet-44 -> cheap ResNet-26: Table 9.
_base_ = './resnet44_cheap-resnet26_r-hkd_cifar100.py'

model = dict(
    _delete_=True,
    type='dynkd.Distillation',
    streams=_base_.model.streams,
    transfers=_base_.model.transfers,
)
