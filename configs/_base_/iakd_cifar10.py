# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R on CIFAR-10, p from 0.9 (Table 1). What inherits from it gives the streams their
# models.
_base_ = [
    './iakd_cls_runtime.py',
    './datasets/cifar10_bs128.py',
    './models/iakd.py',
    './models/cifar_backbones_10.py',
    './schedules/iakd_sgd_200e.py',
]
