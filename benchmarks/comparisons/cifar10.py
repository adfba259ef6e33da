# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD on a tenth of CIFAR-10: a narrow ResNet-18 and its half.
_base_ = './_base_/cifar10_resnet18.py'

_pair = 'resnet18_resnet18half'
rows = [
    *_base_._alone,
    dict(
        name='static (MSE)',
        config=f'configs/dkd/{_pair}_static_cifar10.py',
        starts=_base_._teacher,
    ),
    dict(
        name='DKD',
        config=f'configs/dkd/{_pair}_cifar10.py',
        starts=_base_._teacher,
        streams=['student', 'teacher'],
        against=dict(teacher='raw teacher'),
    ),
]
