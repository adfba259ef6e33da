# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD: two optimizers, and a learning rate that follows the validation.
_base_ = ['./small_run.py', '../../../configs/_base_/models/dkd_cls.py']

model = dict(
    streams=dict(
        teacher=dict(model=_base_.teacher, input_shape=_base_.shape),
        student=dict(model=_base_.student, input_shape=_base_.shape),
    ),
    transfers=dict(
        loss_emd=dict(
            target_connector=dict(type='ChannelAligner', in_channels=8, out_channels=16)
        )
    ),
)
_sgd = dict(type='SGD', momentum=0.9)
optim_wrapper = dict(
    _delete_=True,
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(lr=0.01, **_sgd)),
        student=dict(optimizer=dict(lr=0.02, **_sgd)),
    ),
)
param_scheduler = dict(
    _delete_=True,
    teacher=[dict(type='MultiStepLR', by_epoch=True, milestones=[3], gamma=0.1)],
    student=[
        dict(
            type='ReduceOnPlateauLR',
            monitor='student/accuracy/top1',
            rule='greater',
            patience=0,
            factor=0.5,
        )
    ],
)
