# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SGD of DTSKD on CIFAR-100, section 4.1: momentum 0.9, weight decay 5e-4, learning rate
# 0.1, divided by 10 at epochs 150 and 225 of 300.
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[150, 225], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=128)
