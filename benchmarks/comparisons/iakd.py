# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD on a tenth of CIFAR-10: ResNet-32 and ResNet-20.
_base_ = './_base_/cifar10.py'

baseline = 'ResNet-20'

_teacher = dict(teacher='ResNet-32')
rows = [
    dict(name='ResNet-32', config='configs/baselines/resnet32_cifar10.py', once=True),
    dict(name='ResNet-20', config='configs/baselines/resnet20_cifar10.py'),
    *(
        dict(
            name=name,
            config=f'configs/iakd/resnet32_resnet20_{kind}_cifar10.py',
            starts=_teacher,
        )
        for name, kind in {
            'IAKD-U': 'u',
            'IAKD-L': 'l',
            'IAKD-R': 'r',
            'IAKD-R + HKD': 'r-hkd',
        }.items()
    ),
]
