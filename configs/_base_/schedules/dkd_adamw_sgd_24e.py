# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# `sgd_24e.py` for a student from scratch, and `adamw_24e.py` for a teacher that was trained
# with it before and moves a tenth as fast ("we set a very small learning rate to it",
# section III-B). All ours.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=24, val_interval=4)
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(
            optimizer=dict(type='AdamW', lr=5e-5, weight_decay=0.05),
            clip_grad=dict(max_norm=35),
        ),
        student=dict(
            optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
            clip_grad=dict(max_norm=10),
        ),
    ),
)
_steps = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=True, milestones=[16, 22], gamma=0.1),
]
param_scheduler = dict(teacher=_steps, student=_steps)
