# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DML on the digits: two students from scratch, halves of a narrow ResNet-18, each of which learns
# the other's class probabilities. The second is left out on export.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/digits_classification.py',
    '../_base_/models/resnet18_32px.py',
    '../_base_/schedules/sgd_15e.py',
]

_student = dict(model=_base_.resnet18_half, input_shape=(3, 32, 32))
model = dict(
    type='dynkd.Distillation',
    streams=dict(student=_student, second=_student),
    transfers=dict(
        loss_dml=dict(type='MutualTransfers', streams=['student', 'second'], tap='head')
    ),
)
randomness = dict(seed=0)
