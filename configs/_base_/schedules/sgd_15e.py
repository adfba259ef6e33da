# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 15 epochs of SGD, of one optimizer, for small models on a small data set.
train_cfg = dict(by_epoch=True, max_epochs=15, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[9, 13], gamma=0.1)
]
