# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Linear probing on Tiny-ImageNet of the WRN-16-2 that `wrn40-2_wrn16-2_cifar100.py` exports:
# Table 16.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/tiny_imagenet_32px_bs64.py',
    '../_base_/models/wrn16_2_linear.py',
    '../_base_/schedules/sgd_linear.py',
]

model = dict(_base_.linear, head=dict(_base_.linear.head, num_classes=200))
