# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-20 on CIFAR-10 at 16x16, alone: the teacher of the comparison of all methods. It
# is trained to its end, three times as long as a student (ours): after 30 epochs it is only
# 2.5 points better than ResNet-8, and its loss still falls.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/cifar10_16px.py',
    '../_base_/models/cifar_backbones_10.py',
    '../_base_/schedules/sgd_30e.py',
]

model = _base_.resnet20
train_cfg = dict(max_epochs=90, val_interval=10)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(optimizer=dict(weight_decay=5e-4))
param_scheduler = [
    dict(type='CosineAnnealingLR', T_max=90, by_epoch=True, convert_to_iter_based=True)
]
randomness = dict(seed=0)
