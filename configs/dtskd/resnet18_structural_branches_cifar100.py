# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 12, "DTSKD (w/o HD)": ResNet-18 on CIFAR-100, structural distillation only; the
# accuracy of every branch is reported.
_base_ = './resnet18_structural_cifar100.py'

val_cfg = dict(branches=True)
