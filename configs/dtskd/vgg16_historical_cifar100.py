# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 6, VGG-16 on CIFAR-100: only historical distillation, alpha_1 = 1 and
# alpha_2 = 0.
_base_ = './vgg16_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(historical=1.0, structural=0.0)))
