# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 10, [0.8, 0.0]: ResNet-18 on CIFAR-100.
_base_ = './resnet18_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=dict(start=0.8, stop=0.0))))
