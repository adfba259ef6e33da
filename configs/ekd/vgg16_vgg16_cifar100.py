# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100, VGG16(bn) with three fully connected layers: Table III. The teacher has
# the same architecture (ours; the table names one network).
_base_ = '../_base_/ekd_cifar100.py'

model = dict(
    streams=dict(
        teacher=dict(model=_base_.vgg16_3fc), student=dict(model=_base_.vgg16_3fc)
    )
)
