# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on CIFAR-10, a narrow ResNet-18 -> its half: DPK without its feature.
_base_ = './resnet18_resnet18half_cifar10.py'

model = dict(transfers=dict(_delete_=True, loss_kd=_base_.model.transfers.loss_kd))
work_dir = 'work_dirs/dpk_resnet18_resnet18half_kd_cifar10'
