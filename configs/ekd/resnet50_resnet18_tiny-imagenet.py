# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on Tiny-ImageNet, ResNet50 -> ResNet18: Fig. 3. As wide guided modules as those of
# Table IV.
_base_ = './resnet34_resnet18_tiny-imagenet.py'

model = dict(streams=dict(teacher=dict(config='mmpretrain::_base_/models/resnet50.py')))
