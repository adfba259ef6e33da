# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R on CIFAR-100, p from 0.1 (Table 1). What inherits from it gives the streams their
# models.
_base_ = [
    './iakd_cls_runtime.py',
    './datasets/cifar100_bs128.py',
    './models/iakd.py',
    './models/cifar_backbones.py',
    './schedules/iakd_sgd_200e.py',
]

model = dict(interaction=dict(probability=dict(start=0.1)))
