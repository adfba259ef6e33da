# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Semantic FPN on the masks of the digit scenes: a narrow ResNet-18 teaches its half.
metrics = ['mIoU']
seeds = [0, 1, 2]
data = 'data/digits/seg'
baseline = 'student alone'
options = ['train_cfg.val_interval=5']

_teacher = dict(teacher='teacher')
rows = [
    dict(name='teacher', config='configs/baselines/fpn_r18_seg-digits.py', once=True),
    dict(name='student alone', config='configs/baselines/fpn_r18half_seg-digits.py'),
    dict(
        name='CWD',
        config='configs/kd/fpn_r18_r18half_cwd_seg-digits.py',
        starts=_teacher,
    ),
    dict(
        name='DKD',
        config='configs/dkd/fpn_r18_r18half_seg-digits.py',
        starts=_teacher,
        streams=['student', 'teacher'],
    ),
]
