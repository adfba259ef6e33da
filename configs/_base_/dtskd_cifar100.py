# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on CIFAR-100. What inherits from it gives the student its model.
_base_ = [
    './dtskd_cls_runtime.py',
    './datasets/cifar100_bs128.py',
    './models/dtskd.py',
    './models/cifar_backbones.py',
    './schedules/sgd_300e.py',
]
