# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on a tenth of CIFAR-10: a narrow ResNet-18 and its half.
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
    *(
        dict(name=name, config=f'configs/dpk/{_pair}_{kind}cifar10.py', starts=_teacher)
        for name, kind in {
            'KD of DPK': 'kd_',
            'DPK 0.25': 'fixed025_',
            'DPK 0.55': 'fixed055_',
            'DPK 0.75': 'fixed075_',
            'DPK': '',
        }.items()
    ),
]
