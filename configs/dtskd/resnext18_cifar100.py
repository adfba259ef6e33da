# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on CIFAR-100: Table 1, ResNeXt-18; the best weights of Table 11.
_base_ = '../_base_/dtskd_cifar100.py'

model = dict(
    streams=dict(student=dict(model=_base_.resnext18)),
    transfers=dict(loss_dtskd=dict(historical=0.8, structural=0.2)),
)
