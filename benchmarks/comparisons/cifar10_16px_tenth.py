# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The pair of `cifar10_16px.py` with a tenth of the labels: students learn from 5,000
# images for 120 epochs, and fit them. Their teacher saw all 50,000.
metrics = ['accuracy/top1']
seeds = [0, 1, 2]
data = 'data/cifar10'
baseline = 'student alone'

# Folders list one class after the other: every tenth image is a tenth of each class.
_images = ','.join(str(index) for index in range(0, 50000, 10))
_tenth = dict(
    epochs=120,
    options=[
        f'train_dataloader.dataset.indices=[{_images}]',
        'train_cfg.val_interval=20',
    ],
)
_pair = 'resnet20_resnet8'
_teacher = dict(teacher='teacher')
rows = [
    dict(
        name='teacher', config='configs/baselines/resnet20_cifar10-16px.py', once=True
    ),
    dict(
        name='student alone',
        config='configs/baselines/resnet8_cifar10-16px.py',
        **_tenth,
    ),
    *(
        dict(name=name, config=f'configs/{config}.py', starts=starts, **_tenth)
        for name, config, starts in [
            ('KD (T = 4)', f'ekd/{_pair}_kd_cifar10-16px', _teacher),
            ('EKD', f'ekd/{_pair}_cifar10-16px', {}),
            ('IAKD-R', f'iakd/{_pair}_r_cifar10-16px', _teacher),
            ('DTSKD, historical', 'dtskd/resnet8_historical_cifar10-16px', {}),
            ('DTSKD, structural', 'dtskd/resnet8_structural_cifar10-16px', {}),
            ('DTSKD', 'dtskd/resnet8_cifar10-16px', {}),
        ]
    ),
]
