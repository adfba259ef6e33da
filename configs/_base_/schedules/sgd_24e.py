# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 24 epochs of SGD for a detector from scratch on a small data set.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=24, val_interval=4)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=True, milestones=[16, 22], gamma=0.1),
]
