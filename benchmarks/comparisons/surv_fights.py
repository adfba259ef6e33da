# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD between optical flow and RGB on clips of surveillance cameras.
metrics = ['acc/top1']
seeds = [0, 1, 2, 3, 4]
data = 'data/surv_fights_rawframes'
baseline = 'RGB'
options = ['train_cfg.val_interval=20']

rows = [
    dict(name='flow', config='configs/baselines/resnext3d18_flow_surv-fights.py'),
    dict(name='RGB', config='configs/baselines/resnext3d18_rgb_surv-fights.py'),
    dict(
        name='flow + RGB',
        config='configs/dkd/resnext3d18_flow-rgb_surv-fights.py',
        starts=dict(teacher='flow', student='RGB'),
        streams=['fused'],
        trained=False,
    ),
    *(
        dict(
            name=name,
            config=f'configs/dkd/resnext3d18_flow-rgb{kind}_surv-fights.py',
            starts=dict(teacher='flow'),
            streams=['student', 'teacher', 'fused'],
            against=dict(teacher='flow', fused='flow + RGB'),
        )
        for name, kind in {
            'static': '_static',
            'dynamic': '',
            'static + dynamic': '_static-dynamic',
        }.items()
    ),
]
