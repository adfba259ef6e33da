# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SGD of DTSKD on ImageNet, section 4.1: weight decay 1e-4, learning rate 0.1, divided by
# 10 at epochs 30 and 60 of 90, 256 images a batch. The momentum is that of CIFAR-100
# (ours).
train_cfg = dict(by_epoch=True, max_epochs=90, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[30, 60], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=256)
