# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Methods of distillation of segmentors on the digits, a narrow ResNet-18 and its half.
metrics = ['mIoU']
seeds = [0, 1, 2]
data = 'data/digits/seg'
baseline = 'student alone'
options = ['train_cfg.val_interval=5']

_teacher = dict(teacher='teacher')
_pair = 'configs/{}/fpn_r18_r18half{}_seg-digits.py'
rows = [
    dict(name='teacher', config='configs/baselines/fpn_r18_seg-digits.py', once=True),
    dict(name='student alone', config='configs/baselines/fpn_r18half_seg-digits.py'),
    dict(name='CWD', config=_pair.format('kd', '_cwd'), starts=_teacher),
    dict(
        name='DKD',
        config=_pair.format('dkd', ''),
        starts=_teacher,
        streams=['student', 'teacher'],
    ),
]
