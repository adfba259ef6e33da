# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 11, 0.2/0.8: VGG-16 on CIFAR-100.
_base_ = './vgg16_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(historical=0.2, structural=0.8)))
