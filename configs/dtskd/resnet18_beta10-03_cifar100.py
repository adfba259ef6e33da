# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 10, [1.0, 0.3]: ResNet-18 on CIFAR-100.
_base_ = './resnet18_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=dict(start=1.0, stop=0.3))))
