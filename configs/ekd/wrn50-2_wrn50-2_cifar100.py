# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, WRN50-2 -> WRN50-2: Table I.
_base_ = '../_base_/ekd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(model=_base_.wrn50_2),
        student=dict(model=_base_.wrn50_2),
    )
)
