# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet18 alone, by the recipe of the students of DKD: Table I, "From scratch", and Fig. 7.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/imagenet_224.py',
    'mmpretrain::_base_/models/resnet18.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
]

# `dtskd/` has a config of the same name.
work_dir = 'work_dirs/plain_resnet18_in1k'
