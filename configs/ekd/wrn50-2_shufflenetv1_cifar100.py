# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, WRN50-2 -> ShuffleNetV1: Table II.
# As many guided modules on the teacher as the student has stages for (ours).
_base_ = '../_base_/ekd_cifar100.py'

_guided = dict(module=dict(out_channels=960), num=2)
model = dict(
    streams=dict(
        teacher=dict(model=_base_.wrn50_2, branches=_guided),
        student=dict(model=_base_.shufflenetv1, branches=_guided),
    )
)
