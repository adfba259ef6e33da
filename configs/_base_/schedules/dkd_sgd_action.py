# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD of recognizers, section IV-B: SGD with momentum 0.9 and weight decay 5e-4 for both.
# The learning rates, the length and the steps are ours; the teacher, which was fine-tuned
# before, moves a tenth as fast.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=40, val_interval=5)
_sgd = dict(type='SGD', momentum=0.9, weight_decay=5e-4)
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(lr=1e-4, **_sgd)),
        student=dict(optimizer=dict(lr=1e-3, **_sgd)),
    ),
)
_steps = dict(type='MultiStepLR', by_epoch=True, milestones=[25, 35], gamma=0.1)
param_scheduler = dict(teacher=[_steps], student=[_steps])
