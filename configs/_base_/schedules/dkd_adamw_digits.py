# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The schedule of `adamw_digits.py` for both streams; all ours. The teacher learns as fast
# as the student, as in the paper's detection (section IV-B).
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=2)
_learner = dict(
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-2),
    clip_grad=dict(max_norm=10),
)
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(teacher=_learner, student=_learner),
)
_one_cycle = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        eta_min=2e-5,
        by_epoch=True,
        begin=1,
        convert_to_iter_based=True,
    ),
]
param_scheduler = dict(teacher=_one_cycle, student=_one_cycle)
