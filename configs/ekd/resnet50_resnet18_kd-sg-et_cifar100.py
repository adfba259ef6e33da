# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table V, "KD+S_G+ET": ResNet50 -> ResNet18 on CIFAR-100 from an evolutionary teacher;
# guided modules on the student.
_base_ = './resnet50_resnet18_cifar100.py'

model = dict(streams=dict(teacher=dict(branches=None)))
