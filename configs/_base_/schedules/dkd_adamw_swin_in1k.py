# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Swin Transformer on ImageNet. The paper gives no hyper-parameters for Table V: those of
# the student are MMPretrain's; the teacher, which starts from its weights, learns slowly
# and without warmup (all ours, but for its learning rate, which is the one of
# section IV-B).
train_cfg = dict(by_epoch=True, max_epochs=300, val_interval=1)
_learner = dict(
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            '.absolute_pos_embed': dict(decay_mult=0.0),
            '.relative_position_bias_table': dict(decay_mult=0.0),
        },
    ),
    clip_grad=dict(max_norm=5.0),
)
_adamw = dict(type='AdamW', weight_decay=0.05, eps=1e-8, betas=(0.9, 0.999))
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(lr=1e-5, **_adamw), **_learner),
        student=dict(optimizer=dict(lr=1e-3, **_adamw), **_learner),
    ),
)
param_scheduler = dict(
    teacher=[dict(type='CosineAnnealingLR', eta_min=1e-7, by_epoch=True)],
    student=[
        dict(
            type='LinearLR',
            start_factor=1e-3,
            by_epoch=True,
            end=20,
            convert_to_iter_based=True,
        ),
        dict(type='CosineAnnealingLR', eta_min=1e-5, by_epoch=True, begin=20),
    ],
)
auto_scale_lr = dict(base_batch_size=1024)
