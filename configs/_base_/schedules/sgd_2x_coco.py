# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 24 epochs of SGD with momentum 0.9 and weight decay 0.0001 (DPK, appendix A.2). Learning
# rate, steps and warm-up are those of MMDetection's 2x configs, and gradients are clipped
# as in FGD's released ones, whose settings DPK follows. One-stage detectors have half the
# learning rate.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=24, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
    clip_grad=dict(max_norm=35, norm_type=2),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, milestones=[16, 22], gamma=0.1),
]
auto_scale_lr = dict(enable=False, base_batch_size=16)
