# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DML, two ResNet110 in bottlenecks, from scratch, on CIFAR-100: Table III of EKD. By
# the schedule of EKD (ours).
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar100_bs64.py',
    '../_base_/models/cifar_backbones.py',
    '../_base_/schedules/sgd_200e.py',
]

_student = dict(model=_base_.resnet110_bottleneck, input_shape=(3, 32, 32))
model = dict(
    type='dynkd.Distillation',
    streams=dict(student=_student, second=_student),
    transfers=dict(
        loss_dml=dict(type='MutualTransfers', streams=['student', 'second'], tap='head')
    ),
)
randomness = dict(seed=5)
