# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 10 epochs of AdamW for a detector from scratch on the digits: 2 minutes on 2 CPU cores.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10, val_interval=2)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=1e-2),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=1,
        convert_to_iter_based=True,
    ),
]
