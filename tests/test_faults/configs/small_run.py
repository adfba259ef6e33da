# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The runs that are killed: the runtime of the configs for classification, with networks
# of a few thousand parameters and epochs of three iterations.
_base_ = '../../../configs/_base_/distill_cls_runtime.py'

custom_imports = dict(
    imports=['dynkd', 'shades', 'recorder'], allow_failed_imports=False
)


def thin(depth, width):
    return dict(
        type='ImageClassifier',
        backbone=dict(
            type='dynkd.ResNet6nPlus2',
            depth=depth,
            stem_channels=width,
            base_channels=width,
            zero_init_residual=False,
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=3,
            in_channels=4 * width,
            loss=dict(type='CrossEntropyLoss'),
        ),
    )


# The last stage of the teacher has 16 channels, and that of the student 8.
teacher = thin(14, 4)
student = thin(8, 2)
# A teacher whose blocks take the place of the student's has as many channels.
teacher_of_blocks = thin(14, 2)
shape = (3, 16, 16)

data_preprocessor = dict(num_classes=3, mean=[127.5] * 3, std=[63.75] * 3, to_rgb=True)
train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    worker_init_fn=dict(type='dynkd.seed_worker'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='Shades',
        samples=24,
        pipeline=[
            dict(type='RandomCrop', crop_size=16, padding=2),
            dict(type='RandomFlip', prob=0.5, direction='horizontal'),
            dict(type='PackInputs'),
        ],
    ),
)
val_dataloader = dict(
    batch_size=8,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='Shades', samples=32, seed=1, pipeline=[dict(type='PackInputs')]),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator

train_cfg = dict(by_epoch=True, max_epochs=4, val_interval=1)
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.02, momentum=0.9)
)
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[3], gamma=0.1)]
default_hooks = dict(
    logger=dict(interval=1),
    checkpoint=dict(interval=1, max_keep_ckpts=2),
)
custom_hooks = [*_base_.custom_hooks, dict(type='Recorder')]
randomness = dict(seed=0)
