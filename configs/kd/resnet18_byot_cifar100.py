# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# BYOT on CIFAR-100, ResNet-18: Table 1 of DTSKD, with the schedule of DTSKD.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar100_bs128.py',
    '../_base_/models/byot.py',
    '../_base_/models/cifar_backbones.py',
    '../_base_/schedules/sgd_300e.py',
]

_guided = dict(module=dict(out_channels=512), num=3)
model = dict(
    streams=dict(student=dict(model=_base_.resnet18, branches=_guided)),
)
