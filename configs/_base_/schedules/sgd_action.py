# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Fine-tuning of a recognizer, section IV-B: SGD with momentum 0.9 and weight decay 5e-4.
# The learning rate, the length and the steps are ours.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=40, val_interval=5)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-3, momentum=0.9, weight_decay=5e-4),
)
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[25, 35], gamma=0.1)
]
