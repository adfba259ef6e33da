# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD of a tiny ResNet: branches, and a store in memory or in the folder E2E_STORE.
_base_ = './resnet_phases.py'

custom_imports = dict(imports=['dynkd', 'killer'], allow_failed_imports=False)
store = '{{$E2E_STORE:memory}}'
model = dict(
    _delete_=True,
    type='dynkd.Distillation',
    streams=dict(
        student=dict(
            model=_base_.model.streams.student.model,
            scope='mmpretrain',
            input_shape=(3, 64, 64),
            loss_weight=0.0,
            branches=dict(module=dict(type='MixedFusionModule'), loss_weight=0.0),
        )
    ),
    transfers=dict(loss_dtskd=dict(type='DualTeacherTransfers')),
    stores=dict(
        history=dict(format='uint8', path=None if store == 'memory' else store)
    ),
)
# Of 12 images, 5 a step: the last step of an epoch has 2.
train_dataloader = dict(batch_size=5)
train_cfg = dict(max_epochs=4)
val_cfg = dict(branches=True)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.05, momentum=0.9),
    accumulative_counts=2,
)
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='dynkd.StoreHook'),
    dict(type='Killer', priority='LOWEST'),
]
