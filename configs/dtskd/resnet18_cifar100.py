# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on CIFAR-100: Table 1, ResNet-18.
_base_ = '../_base_/dtskd_cifar100.py'

model = dict(streams=dict(student=dict(model=_base_.resnet18)))
