# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet50 on CIFAR-100 at 16x16, alone, by the recipe of CRD's code: the teacher of KD
# beside EKD's Fig. 6.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/cifar100_16px_bs64.py',
    '../_base_/models/cifar_backbones.py',
    '../_base_/schedules/sgd_240e.py',
]

model = _base_.resnet50
val_cfg = dict()
test_cfg = dict()
randomness = dict(seed=5)
