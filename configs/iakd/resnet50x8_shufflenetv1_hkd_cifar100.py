# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# HKD alone on CIFAR-100, ResNet-50x8 -> ShuffleNet-v1: Table 9.
_base_ = './resnet50x8_shufflenetv1_r-hkd_cifar100.py'

model = dict(
    _delete_=True,
    type='dynkd.Distillation',
    streams=_base_.model.streams,
    transfers=_base_.model.transfers,
)
