# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 9, "Cosine Decay": VGG-16 on CIFAR-100, beta from 0.9 to 0.1.
_base_ = './vgg16_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=dict(stop=0.1))))
