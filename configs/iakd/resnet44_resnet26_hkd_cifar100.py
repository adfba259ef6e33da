# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# HKD alone on CIFAR-100, ResNet-44 -> ResNet-26: Table 7.
_base_ = './resnet44_resnet26_r-hkd_cifar100.py'

_streams = _base_.model.streams
model = dict(
    _delete_=True,
    type='dynkd.Distillation',
    streams=dict(_streams, student=dict(_streams.student, **_base_.hkd_student)),
    transfers=_base_.model.transfers,
)
