# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 20 epochs of SGD for a small RGB student from scratch and a flow teacher that was trained
# before and moves a tenth as fast, with the momentum and the weight decay of section IV-B;
# the rest is ours.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=2)
_sgd = dict(type='SGD', momentum=0.9, weight_decay=5e-4)
_clip = dict(max_norm=10)
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(lr=0.001, **_sgd), clip_grad=_clip),
        student=dict(optimizer=dict(lr=0.01, **_sgd), clip_grad=_clip),
    ),
)
_steps = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='MultiStepLR', by_epoch=True, milestones=[12, 17], gamma=0.1),
]
param_scheduler = dict(teacher=_steps, student=_steps)
