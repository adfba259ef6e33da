# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on a tenth of CIFAR-10: half a narrow ResNet-18.
metrics = ['accuracy/top1']
seeds = [0, 1]
epochs = 6
data = 'data/cifar10'
baseline = 'raw student'
options = ['train_cfg.val_interval=6']

rows = [
    dict(name='raw student', config='configs/baselines/resnet18half_cifar10.py'),
    dict(name='historical', config='configs/dtskd/resnet18half_historical_cifar10.py'),
    dict(name='structural', config='configs/dtskd/resnet18half_structural_cifar10.py'),
    dict(name='DTSKD', config='configs/dtskd/resnet18half_cifar10.py'),
]
