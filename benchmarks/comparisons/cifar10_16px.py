# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# All methods, for one pair, on all of CIFAR-10 at 16x16: ResNet-20 teaches ResNet-8. 30
# epochs, with drops of the learning rate after 15 and 23.
metrics = ['accuracy/top1']
seeds = [0, 1, 2]
data = 'data/cifar10'
baseline = 'student alone'

_pair = 'resnet20_resnet8'
_teacher = dict(teacher='teacher')


def _row(
    name: str, folder: str, kind: str = '', starts: dict = _teacher, **more
) -> dict:
    return dict(
        name=name,
        config=f'configs/{folder}/{_pair}{kind}_cifar10-16px.py',
        starts=starts,
        **more,
    )


_both = dict(streams=['student', 'teacher'], against=dict(teacher='teacher'))
rows = [
    dict(
        name='teacher', config='configs/baselines/resnet20_cifar10-16px.py', once=True
    ),
    dict(name='student alone', config='configs/baselines/resnet8_cifar10-16px.py'),
    _row('KD (T = 4)', 'ekd', '_kd'),
    _row('DKD', 'dkd', **_both),
    _row('DKD, static to dynamic', 'dkd', '_static-dynamic', **_both),
    _row('EKD', 'ekd', starts={}, **_both),
    _row('DPK', 'dpk'),
    _row('IAKD-U', 'iakd', '_u'),
    _row('IAKD-R', 'iakd', '_r'),
    _row('IAKD-R + HKD', 'iakd', '_r-hkd'),
    *(
        dict(name=name, config=f'configs/dtskd/resnet8{kind}_cifar10-16px.py')
        for name, kind in {
            'DTSKD, historical': '_historical',
            'DTSKD, structural': '_structural',
            'DTSKD': '',
        }.items()
    ),
    _row('DPK + IAKD-R', 'dpk', '_iakd'),
    _row('DKD + history', 'dkd', '_historical', **_both),
]
