# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SGD for linear probing. All of it is ours; the papers do not say.
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
val_cfg = dict()
test_cfg = dict()
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.0),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60, 90], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=64)
