# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, WRN50-2 -> WRN50-2: Table I.
_base_ = '../_base_/ekd_cifar100.py'

_guided = dict(module=dict(out_channels=2048))
model = dict(
    streams=dict(
        teacher=dict(model=_base_.wrn50_2, branches=_guided),
        student=dict(model=_base_.wrn50_2, branches=_guided),
    )
)
