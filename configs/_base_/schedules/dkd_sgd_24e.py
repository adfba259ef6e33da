# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 24 epochs of SGD for a student from scratch on a small data set, and a teacher that was
# trained before and moves a tenth as fast ("we set a very small learning rate to it",
# section III-B). All ours.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=24, val_interval=4)
_sgd = dict(type='SGD', momentum=0.9, weight_decay=1e-4)
_clip = dict(max_norm=10)
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(lr=0.002, **_sgd), clip_grad=_clip),
        student=dict(optimizer=dict(lr=0.02, **_sgd), clip_grad=_clip),
    ),
)
_steps = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=True, milestones=[16, 22], gamma=0.1),
]
param_scheduler = dict(teacher=_steps, student=_steps)
