# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on CIFAR-100: Table 1, VGG-16. Three branches, as Algorithm 1 has; the best
# weights of Table 11.
_base_ = '../_base_/dtskd_cifar100.py'

model = dict(
    streams=dict(student=dict(model=_base_.vgg16, branches=dict(num=3))),
    transfers=dict(loss_dtskd=dict(historical=0.6, structural=0.4)),
)
