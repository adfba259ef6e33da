# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet110 of bottlenecks on CIFAR-100, alone: EKD, Table III, "Baseline".
_base_ = '../_base_/plain_cifar100_200e.py'

model = _base_.resnet110_bottleneck
