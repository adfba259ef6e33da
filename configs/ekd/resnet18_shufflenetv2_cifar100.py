# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, ResNet18 -> ShuffleNetV2: Table II.
# As many guided modules on the teacher as the student has stages for (ours).
_base_ = '../_base_/ekd_cifar100.py'

_guided = dict(module=dict(out_channels=1024), num=2)
model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet18, branches=_guided),
        student=dict(model=_base_.shufflenetv2, branches=_guided),
    )
)
