# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SGD of DPK on CIFAR-100, appendix A.2: momentum 0.9, weight decay 5e-4, learning rate
# 0.05, multiplied by 0.1 at epochs 150, 180 and 210 of 240.
train_cfg = dict(by_epoch=True, max_epochs=240, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[150, 180, 210], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=64)
