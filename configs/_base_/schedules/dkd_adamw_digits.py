# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The schedule of `adamw_digits.py` for both streams; all ours. The teacher, which was trained
# before, learns more slowly ("we set a very small learning rate to it", section III-B).
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=10, val_interval=2)
_adamw = dict(type='AdamW', weight_decay=1e-2)
_clip = dict(max_norm=10)
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(lr=3e-4, **_adamw), clip_grad=_clip),
        student=dict(optimizer=dict(lr=1e-3, **_adamw), clip_grad=_clip),
    ),
)
_one_cycle = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=1e-5,
        by_epoch=True,
        begin=1,
        convert_to_iter_based=True,
    ),
]
param_scheduler = dict(teacher=_one_cycle, student=_one_cycle)
