# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SGD of EKD, section III-C: learning rate 0.1, multiplied by 0.1 at epochs 75, 130, 180,
# for every model of a run. Both streams have the same recipe, so that one optimizer serves
# them. Momentum, weight decay and length are ours; the paper does not print them.
train_cfg = dict(by_epoch=True, max_epochs=200, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[75, 130, 180], gamma=0.1)
]
auto_scale_lr = dict(base_batch_size=64)
