# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# BYOT on CIFAR-100, VGG-16: Table 1 of DTSKD, with the schedule of DTSKD.
_base_ = './resnet18_byot_cifar100.py'

model = dict(streams=dict(student=dict(model=dict(_base_.vgg16, _delete_=True))))
