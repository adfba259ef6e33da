# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# HKD alone on CIFAR-10, ResNet-32 -> ResNet-20: in small.
_base_ = './resnet32_resnet20_r-hkd_cifar10.py'

model = dict(
    _delete_=True,
    type='dynkd.Distillation',
    streams=_base_.model.streams,
    transfers=_base_.model.transfers,
)
