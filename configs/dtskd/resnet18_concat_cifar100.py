# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 8, ResNet-18 on CIFAR-100: MFM-Concat.
_base_ = './resnet18_cifar100.py'

model = dict(streams=dict(student=dict(branches=dict(module=dict(fusion='concat')))))
