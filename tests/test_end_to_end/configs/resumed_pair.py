# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Two processes, whose batch normalisation has other statistics in each; averages of the
# weights, and a learning rate that follows a metric.
_base_ = './resnet_phases.py'

custom_imports = dict(imports=['dynkd', 'seen'], allow_failed_imports=False)
# Frozen in the second phase, the teacher answers with the statistics of the first.
model = dict(
    phases=[
        dict(name='first', transfers=['loss_kld_student']),
        dict(
            name='second',
            begin=1,
            transfers=['loss_mse', 'loss_kld_student'],
            frozen=['teacher'],
        ),
    ]
)
train_cfg = dict(max_epochs=3)
param_scheduler = dict(
    teacher=[],
    student=[
        dict(
            type='ReduceOnPlateauLR',
            monitor='student/accuracy/top1',
            rule='greater',
            patience=0,
            factor=0.5,
        )
    ],
)
default_hooks = dict(checkpoint=dict(interval=1, save_best='student/accuracy/top1'))
custom_hooks = [
    dict(type='dynkd.ExactResumeHook'),
    dict(type='EMAHook', momentum=0.1),
    dict(type='Seen'),
]
