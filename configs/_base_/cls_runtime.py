# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Runtime of a plain classifier that is trained the way the streams of DynKD are.
_base_ = 'mmpretrain::_base_/default_runtime.py'

custom_imports = dict(imports=['dynkd'], allow_failed_imports=False)
default_hooks = dict(
    checkpoint=dict(
        type='dynkd.CheckpointHook',
        max_keep_ckpts=3,
        save_best='accuracy/top1',
        rule='greater',
    )
)
# Random numbers follow from (seed, epoch, iteration, rank): resuming is exact.
custom_hooks = [dict(type='dynkd.FiniteHook'), dict(type='dynkd.ExactResumeHook')]
