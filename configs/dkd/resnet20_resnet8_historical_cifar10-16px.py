# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Two methods in one config: DKD on CIFAR-10 at 16x16, whose student also learns from its
# own past.
_base_ = [
    './resnet20_resnet8_cifar10-16px.py',
    '../_base_/models/historical_student.py',
]

model = _base_.historical_student
custom_hooks = [*_base_.custom_hooks, dict(type='dynkd.StoreHook')]
