# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Other methods of distillation of detectors on the digits, a narrow ResNet-18 and its
# half.
metrics = ['coco/bbox_mAP', 'coco/bbox_mAP_50']
seeds = [0, 1, 2]
data = 'data/digits/det'
baseline = 'FCOS alone'
options = ['train_cfg.val_interval=10']

rows = [
    dict(name='FCOS teacher', config='configs/baselines/fcos_r18_digits.py', once=True),
    dict(name='FCOS alone', config='configs/baselines/fcos_r18half_digits.py'),
    *(
        dict(
            name=name,
            config=f'configs/kd/fcos_r18_r18half_{kind}_digits.py',
            starts=dict(teacher='FCOS teacher'),
        )
        for name, kind in {'CWD': 'cwd', 'PKD': 'pkd', 'MGD': 'mgd'}.items()
    ),
    dict(name='GFL teacher', config='configs/baselines/gfl_r18_digits.py', once=True),
    dict(name='GFL alone', config='configs/baselines/gfl_r18half_digits.py'),
    dict(
        name='LD',
        config='configs/kd/gfl_r18_r18half_ld_digits.py',
        starts=dict(teacher='GFL teacher'),
        against=dict(student='GFL alone'),
    ),
]
