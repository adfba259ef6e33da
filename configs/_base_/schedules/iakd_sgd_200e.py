# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SGD of IAKD on CIFAR, section 4.1: momentum 0.9, weight decay 1e-4, learning rate 0.1,
# multiplied by 0.1 at epochs 100 and 150 of 200.
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[100, 150], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=128)
