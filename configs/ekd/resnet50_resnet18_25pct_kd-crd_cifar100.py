# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD with few samples, ResNet50 -> ResNet18: Fig. 7, "KD", 25 % of the training images of
# each class of CIFAR-100. "KD, FitNet and CRD train the teacher models on full set".
_base_ = './resnet50_resnet18_kd-crd_cifar100.py'

train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='dynkd.ClassBalancedSubset',
        ratio=0.25,
        seed=5,
        dataset=_base_.train_dataloader.dataset,
    )
)
