# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ResNet18 on 75 % of the training images of each class of CIFAR-100, alone: EKD, beside
# Fig. 7.
_base_ = './resnet18_200e_cifar100.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='dynkd.ClassBalancedSubset',
        ratio=0.75,
        seed=5,
        dataset=_base_.train_dataloader.dataset,
    )
)
