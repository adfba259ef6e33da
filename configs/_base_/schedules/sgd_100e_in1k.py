# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SGD of DPK on ImageNet, appendix A.2: momentum 0.9, weight decay 1e-4, learning rate
# 0.1, halved every 25 epochs of 100, 256 images a batch.
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[25, 50, 75], gamma=0.5)
]
auto_scale_lr = dict(base_batch_size=256)
