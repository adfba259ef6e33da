# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# HKD alone on CIFAR-100, ResNet-18 -> VGG-8: Table 9.
_base_ = './resnet18_vgg8_r-hkd_cifar100.py'

_streams = _base_.model.streams
model = dict(
    _delete_=True,
    type='dynkd.Distillation',
    streams=dict(_streams, student=dict(_streams.student, **_base_.hkd_student)),
    transfers=_base_.model.transfers,
)
