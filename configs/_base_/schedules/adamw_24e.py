# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 24 epochs of AdamW for a detector with a backbone that was trained on ImageNet.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=24, val_interval=4)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.05),
    clip_grad=dict(max_norm=35),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(type='MultiStepLR', by_epoch=True, milestones=[16, 22], gamma=0.1),
]
