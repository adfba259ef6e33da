# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Other methods of distillation on the digits, each from the same teacher: a narrow
# ResNet-18 and its half.
metrics = ['accuracy/top1']
seeds = [0, 1, 2]
data = 'data/digits/cls'
baseline = 'student alone'
options = ['train_cfg.val_interval=15']

_teacher = dict(teacher='teacher')
_pair = 'configs/kd/resnet18_resnet18half'
rows = [
    dict(name='teacher', config='configs/baselines/resnet18_digits.py', once=True),
    dict(name='student alone', config='configs/baselines/resnet18half_digits.py'),
    *(
        dict(name=name, config=f'{_pair}_{kind}_digits.py', starts=_teacher)
        for name, kind in {
            'KD': 'kd',
            'FitNets': 'fitnets',
            'AT': 'at',
            'SP': 'sp',
            'PKT': 'pkt',
            'RKD': 'rkd',
            'VID': 'vid',
            'CRD': 'crd',
            'ReviewKD': 'reviewkd',
            'Decoupled KD': 'decoupled-kd',
            'DIST': 'dist',
        }.items()
    ),
    dict(name='DML', config='configs/kd/resnet18half_resnet18half_dml_digits.py'),
    dict(name='BYOT', config='configs/kd/resnet18half_byot_digits.py'),
    dict(
        name='assistant',
        config='configs/several/assistant_resnet18half_digits.py',
        starts=_teacher,
        streams=['student', 'assistant'],
    ),
    dict(
        name='three students',
        config='configs/several/three-students_resnet18half_digits.py',
    ),
    *(
        dict(
            name=name,
            config=f'configs/several/{kind}_resnet18half_digits.py',
            starts=dict(teacher='teacher', second='student alone'),
        )
        for name, kind in {
            'two teachers': 'two-teachers',
            'two teachers by confidence': 'two-teachers_confidence',
            'ensemble': 'ensemble',
        }.items()
    ),
]
