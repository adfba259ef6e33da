# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet50 on CIFAR-100, alone: EKD, Table I; the teacher of KD in Table V.
_base_ = '../_base_/plain_cifar100_200e.py'

model = _base_.resnet50
