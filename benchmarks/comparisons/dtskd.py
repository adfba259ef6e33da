# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on a tenth of CIFAR-10: half a narrow ResNet-18.
_base_ = './_base_/cifar10_resnet18.py'

rows = [
    _base_._alone[1],
    dict(name='historical', config='configs/dtskd/resnet18half_historical_cifar10.py'),
    dict(name='structural', config='configs/dtskd/resnet18half_structural_cifar10.py'),
    dict(name='DTSKD', config='configs/dtskd/resnet18half_cifar10.py'),
]
