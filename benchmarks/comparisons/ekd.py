# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on a tenth of CIFAR-10: a narrow ResNet-18 and its half.
_base_ = './_base_/cifar10_resnet18.py'

_pair = 'resnet18_resnet18half'
rows = [
    *_base_._alone,
    dict(
        name='KD', config=f'configs/ekd/{_pair}_kd_cifar10.py', starts=_base_._teacher
    ),
    dict(
        name='EKD',
        config=f'configs/ekd/{_pair}_cifar10.py',
        streams=['student', 'teacher'],
        against=dict(teacher='raw teacher'),
    ),
]
