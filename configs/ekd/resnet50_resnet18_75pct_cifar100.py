# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD with few samples, ResNet50 -> ResNet18: Fig. 7, 75 % of the training images of each
# class of CIFAR-100.
_base_ = './resnet50_resnet18_25pct_cifar100.py'

train_dataloader = dict(dataset=dict(ratio=0.75))
