# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on a tenth of CIFAR-10: a narrow ResNet-18 and its half.
_base_ = './_base_/cifar10_resnet18.py'

_pair = 'resnet18_resnet18half'
rows = [
    *_base_._alone,
    *(
        dict(
            name=name,
            config=f'configs/dpk/{_pair}_{kind}cifar10.py',
            starts=_base_._teacher,
        )
        for name, kind in {
            'KD of DPK': 'kd_',
            'DPK 0.25': 'fixed025_',
            'DPK 0.55': 'fixed055_',
            'DPK 0.75': 'fixed075_',
            'DPK': '',
        }.items()
    ),
]
