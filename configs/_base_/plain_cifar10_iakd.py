# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# One classifier on CIFAR-10, alone, by the recipe of IAKD: its rows of teachers and
# students.
_base_ = [
    './cls_runtime.py',
    './datasets/cifar10_bs128.py',
    './models/cifar_backbones_10.py',
    './schedules/iakd_sgd_200e.py',
]

val_cfg = dict()
test_cfg = dict()
