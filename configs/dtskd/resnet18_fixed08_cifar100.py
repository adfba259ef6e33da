# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 9, "Fixed Ratio (0.8)": ResNet-18 on CIFAR-100.
_base_ = './resnet18_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=0.8)))
