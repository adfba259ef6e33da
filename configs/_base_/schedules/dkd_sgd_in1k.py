# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Classification, section IV-B: SGD with momentum 0.9 and weight decay 1e-4, the learning
# rate begins at 1e-5 for the pretrained teacher and at 0.1 for the student from scratch.
# The length and the steps are ours: those of MMPretrain's ResNet configs.
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)  # ours
_sgd = dict(type='SGD', momentum=0.9, weight_decay=1e-4)
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(lr=1e-5, **_sgd)),
        student=dict(optimizer=dict(lr=0.1, **_sgd)),
    ),
)
_steps = dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)
param_scheduler = dict(teacher=[_steps], student=[_steps])  # ours
auto_scale_lr = dict(base_batch_size=256)  # ours
