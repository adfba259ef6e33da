# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# EKD on a tenth of CIFAR-10: a narrow ResNet-18 and its half.
metrics = ['accuracy/top1']
seeds = [0, 1]
epochs = 6
data = 'data/cifar10'
baseline = 'raw student'
options = ['train_cfg.val_interval=6']

_teacher = dict(teacher='raw teacher')
_pair = 'resnet18_resnet18half'
rows = [
    dict(name='raw teacher', config='configs/baselines/resnet18_cifar10.py', once=True),
    dict(name='raw student', config='configs/baselines/resnet18half_cifar10.py'),
    dict(name='KD', config=f'configs/ekd/{_pair}_kd_cifar10.py', starts=_teacher),
    dict(
        name='EKD',
        config=f'configs/ekd/{_pair}_cifar10.py',
        streams=['student', 'teacher'],
        against=dict(teacher='raw teacher'),
    ),
]
