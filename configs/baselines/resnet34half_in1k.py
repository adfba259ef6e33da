# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Half a ResNet34, alone: Table II, raw "ResNet34-half(s)".
_base_ = [
    '../_base_/cls_runtime.py',
    '../_base_/datasets/imagenet_224.py',
    'mmpretrain::_base_/models/resnet34.py',
    '../_base_/models/halves_in1k.py',
    'mmpretrain::_base_/schedules/imagenet_bs256.py',
]

model = _base_.resnet34_half
