# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet50 on Tiny-ImageNet, alone: EKD, the teacher of KD in Fig. 3.
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/tiny_imagenet_bs64.py',
    'mmpretrain::_base_/models/resnet50.py',
    '../_base_/schedules/sgd_200e.py',
]

model = dict(head=dict(num_classes=200))
val_cfg = dict()
test_cfg = dict()
randomness = dict(seed=5)
