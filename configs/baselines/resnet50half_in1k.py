# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Half a ResNet50, alone: Table II, raw "ResNet50-half(s)".
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/imagenet_224.py',
    'mmpretrain::_base_/models/resnet50.py',
    '../_base_/models/halves_in1k.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
]

model = _base_.resnet50_half
