# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 15 epochs of SGD for a small pair on a small data set, with the optimizers of
# section IV-B but for the teacher's learning rate: it is ours, as small data sets take few
# steps.
train_cfg = dict(by_epoch=True, max_epochs=15, val_interval=1)
_sgd = dict(type='SGD', momentum=0.9, weight_decay=1e-4)
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(lr=1e-3, **_sgd)),  # ours
        student=dict(optimizer=dict(lr=0.1, **_sgd)),
    ),
)
_steps = dict(type='MultiStepLR', by_epoch=True, milestones=[9, 13], gamma=0.1)
param_scheduler = dict(teacher=[_steps], student=[_steps])
