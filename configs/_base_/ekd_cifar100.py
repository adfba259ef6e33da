# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on CIFAR-100. What inherits from it gives the streams their models.
_base_ = [
    './distill_cls_runtime.py',
    './datasets/cifar100_bs64.py',
    './models/ekd.py',
    './models/cifar_backbones.py',
    './schedules/sgd_200e.py',
]

randomness = dict(seed=5)  # section III-C
