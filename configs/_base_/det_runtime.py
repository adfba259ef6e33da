# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Runtime of a plain detector that is trained the way the streams of DynKD are.
_base_ = 'mmdet::_base_/default_runtime.py'

custom_imports = dict(imports=['dynkd'], allow_failed_imports=False)
default_hooks = dict(
    checkpoint=dict(
        type='dynkd.CheckpointHook',
        max_keep_ckpts=3,
        save_best='coco/bbox_mAP',
        rule='greater',
    )
)
# Random numbers follow from (seed, epoch, iteration, rank): resuming is exact.
custom_hooks = [dict(type='dynkd.FiniteHook'), dict(type='dynkd.ExactResumeHook')]
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
