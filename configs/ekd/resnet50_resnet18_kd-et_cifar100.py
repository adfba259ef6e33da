# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table V, "KD+ET": ResNet50 -> ResNet18 on CIFAR-100 from an evolutionary teacher, without
# guided modules.
_base_ = './resnet50_resnet18_cifar100.py'

model = dict(streams=dict(teacher=dict(branches=None), student=dict(branches=None)))
