# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# SGD of IAKD on Tiny-ImageNet, section 4.5: momentum 0.9, weight decay 1e-4, learning
# rate 0.1, multiplied by 0.2 at epochs 60, 120, 160, 200 and 250 of 300.
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(
        type='MultiStepLR',
        by_epoch=True,
        milestones=[60, 120, 160, 200, 250],
        gamma=0.2,
    )
]
auto_scale_lr = dict(base_batch_size=128)
