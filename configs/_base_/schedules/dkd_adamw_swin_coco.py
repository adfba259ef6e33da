# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Mask R-CNN with Swin Transformers. The paper gives no hyper-parameters for Table VI:
# these are MMDetection's for its 1x config, whose learning rate is also the one that the
# paper gives both streams in detection (section IV-B).
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=1)
_learner = dict(
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05),
    paramwise_cfg=dict(
        custom_keys={
            'absolute_pos_embed': dict(decay_mult=0.0),
            'relative_position_bias_table': dict(decay_mult=0.0),
            'norm': dict(decay_mult=0.0),
        }
    ),
)
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(teacher=_learner, student=_learner),
)
_steps = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=1000),
    dict(type='MultiStepLR', by_epoch=True, milestones=[8, 11], gamma=0.1),
]
param_scheduler = dict(teacher=_steps, student=_steps)
auto_scale_lr = dict(enable=False, base_batch_size=16)
