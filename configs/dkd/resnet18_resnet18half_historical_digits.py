# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Two methods in one config: DKD on the digits, whose student also learns from its own past.
_base_ = [
    './resnet18_resnet18half_digits.py',
    '../_base_/models/historical_student.py',
]

model = _base_.historical_student
custom_hooks = [*_base_.custom_hooks, dict(type='dynkd.StoreHook')]
