# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 11, 0.4/0.6: ResNeXt-18 on CIFAR-100.
_base_ = './resnext18_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(historical=0.4, structural=0.6)))
