# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# One classifier on Tiny-ImageNet, alone, by the recipe of IAKD: its rows of teachers and
# students.
_base_ = [
    './cls_runtime.py',
    './datasets/tiny_imagenet_64px_bs128.py',
    './models/cifar_backbones_200.py',
    './schedules/iakd_sgd_300e.py',
]

val_cfg = dict()
test_cfg = dict()
