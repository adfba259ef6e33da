# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS on BCCD, all from scratch: a ResNet-18 teaches its half, and knows less.
metrics = ['coco/bbox_mAP', 'coco/bbox_mAP_50']
seeds = [0, 1]
epochs = 12
data = 'data/bccd'
baseline = 'raw student'

_teacher = dict(teacher='raw teacher')
_pair = 'fcos_r18_r18half'
rows = [
    dict(name='raw teacher', config='configs/baselines/fcos_r18_bccd.py', once=True),
    dict(name='raw student', config='configs/baselines/fcos_r18half_bccd.py'),
    *(
        dict(
            name=name,
            config=f'configs/{config}_bccd.py',
            starts=_teacher,
            streams=['student', 'teacher'],
            against=dict(teacher='raw teacher'),
        )
        for name, config in {
            'static (MSE)': f'dkd/{_pair}_static-mse',
            'DKD': f'dkd/{_pair}_script-weights',
        }.items()
    ),
    dict(name='FGD', config=f'configs/dpk/fgd_{_pair}_bccd.py', starts=_teacher),
    dict(
        name='DPK + FGD', config=f'configs/dpk/dpk-fgd_{_pair}_bccd.py', starts=_teacher
    ),
]
