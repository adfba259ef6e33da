# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 20 epochs of SGD for a small recognizer from scratch, with the momentum and the weight
# decay of section IV-B; the rest is ours.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=20, val_interval=2)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4),
    clip_grad=dict(max_norm=10),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=20),
    dict(type='MultiStepLR', by_epoch=True, milestones=[12, 17], gamma=0.1),
]
