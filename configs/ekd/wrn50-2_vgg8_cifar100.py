# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, WRN50-2 -> VGG8(bn): Table II.
# As many guided modules on the student as the teacher has stages for (ours).
_base_ = '../_base_/ekd_cifar100.py'

_guided = dict(num=3)
model = dict(
    streams=dict(
        teacher=dict(model=_base_.wrn50_2, branches=_guided),
        student=dict(model=_base_.vgg8, branches=_guided),
    )
)
