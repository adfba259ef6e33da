# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on CIFAR-100, VGG-16 with three fully connected layers as in the released code.
_base_ = './vgg16_cifar100.py'

model = dict(streams=dict(student=dict(model=dict(_delete_=True, **_base_.vgg16_3fc))))
