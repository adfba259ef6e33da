# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet18 on CIFAR-100, alone: EKD, Tables I and II.
_base_ = '../_base_/plain_cifar100_200e.py'

model = _base_.resnet18
