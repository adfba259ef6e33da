# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Runtime of a plain segmentor that is trained the way the streams of DynKD are, in epochs.
default_scope = 'mmseg'
custom_imports = dict(imports=['dynkd'], allow_failed_imports=False)
env_cfg = dict(cudnn_benchmark=True)
visualizer = dict(
    type='SegLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')]
)
default_hooks = dict(
    checkpoint=dict(
        type='dynkd.CheckpointHook',
        interval=1,
        max_keep_ckpts=3,
        save_best='mIoU',
        rule='greater',
    ),
    logger=dict(type='LoggerHook', interval=50),
    visualization=dict(type='SegVisualizationHook'),
)
# Random numbers follow from (seed, epoch, iteration, rank): resuming is exact.
custom_hooks = [dict(type='dynkd.FiniteHook'), dict(type='dynkd.ExactResumeHook')]
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
