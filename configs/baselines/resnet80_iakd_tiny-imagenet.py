# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet-80 on Tiny-ImageNet, alone: IAKD, the teacher of Table 7.
_base_ = '../_base_/plain_tiny-imagenet_iakd.py'

model = _base_.resnet80
