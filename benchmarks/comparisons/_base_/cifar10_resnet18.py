# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A narrow ResNet-18 and its half on a tenth of CIFAR-10, each alone.
_base_ = './cifar10.py'

baseline = 'raw student'
_alone = [
    dict(name='raw teacher', config='configs/baselines/resnet18_cifar10.py', once=True),
    dict(name='raw student', config='configs/baselines/resnet18half_cifar10.py'),
]
_teacher = dict(teacher='raw teacher')
