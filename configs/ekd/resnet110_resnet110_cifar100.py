# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, ResNet110 of bottlenecks: Table III. The teacher has the same
# architecture (ours; the table names one network).
_base_ = '../_base_/ekd_cifar100.py'

_guided = dict(module=dict(out_channels=256))
model = dict(
    streams=dict(
        teacher=dict(model=_base_.resnet110_bottleneck, branches=_guided),
        student=dict(model=_base_.resnet110_bottleneck, branches=_guided),
    )
)
