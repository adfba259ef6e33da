# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Detection, section IV-B: Adam with 1e-4 for teacher and student. From the released script
# are the clipping of each model at 0.1 and the plateau schedule with patience 3; it uses
# AdamW where the paper says Adam, and the paper holds.
train_cfg = dict(
    type='EpochBasedTrainLoop',
    max_epochs=30,  # Table III; ours for the other detectors
    val_interval=1,
)
_learner = dict(optimizer=dict(type='Adam', lr=1e-4), clip_grad=dict(max_norm=0.1))
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(teacher=_learner, student=_learner),
)
_plateau = dict(type='ReduceOnPlateauLR', rule='greater', patience=3, factor=0.1)
param_scheduler = dict(
    teacher=[dict(monitor='teacher/coco/bbox_mAP', **_plateau)],
    student=[dict(monitor='student/coco/bbox_mAP', **_plateau)],
)
auto_scale_lr = dict(enable=False, base_batch_size=64)  # ours: 8 GPUs x 8 images
