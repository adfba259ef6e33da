# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# One classifier on CIFAR-100, alone, by the recipe of EKD: its teachers and its rows of
# students without distillation.
_base_ = [
    './cls_runtime.py',
    './datasets/cifar100_bs64.py',
    './models/cifar_backbones.py',
    './schedules/sgd_200e.py',
]

val_cfg = dict()
test_cfg = dict()
randomness = dict(seed=5)
