# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 7, #0->#1#2#3: ResNet-18 on CIFAR-100 without fusion, structural distillation only.
_base_ = './resnet18_structural_cifar100.py'

model = dict(streams=dict(student=dict(branches=dict(module=dict(fusion='none')))))
