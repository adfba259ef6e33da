# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The schedule of `dkd_adam_coco.py` for a detector that is trained alone.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=30, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-4),
    clip_grad=dict(max_norm=0.1),
)
param_scheduler = [
    dict(
        type='ReduceOnPlateauLR',
        monitor='coco/bbox_mAP',
        rule='greater',
        patience=3,
        factor=0.1,
    )
]
auto_scale_lr = dict(enable=False, base_batch_size=64)
