# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# HKD alone on CIFAR-100, ResNet-50x8 -> ShuffleNet-v1: Table 9.
_base_ = './resnet50x8_shufflenetv1_r-hkd_cifar100.py'

_streams = _base_.model.streams
model = dict(
    _delete_=True,
    type='dynkd.Distillation',
    streams=dict(_streams, student=dict(_streams.student, **_base_.hkd_student)),
    transfers=_base_.model.transfers,
)
