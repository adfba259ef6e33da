# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A mutual ResNet pair in two phases: static, then dynamic; several processes.
_base_ = 'mmpretrain::_base_/default_runtime.py'

custom_imports = dict(imports=['dynkd'], allow_failed_imports=False)


def tiny(width):
    return dict(
        type='ImageClassifier',
        backbone=dict(
            type='ResNet', depth=18, base_channels=width, stem_channels=width
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=3,
            in_channels=8 * width,
            loss=dict(type='CrossEntropyLoss'),
        ),
    )


kld = dict(type='KLDLoss', temperature=2.0)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(model=tiny(8), scope='mmpretrain'),
        student=dict(model=tiny(4), scope='mmpretrain'),
    ),
    transfers=dict(
        loss_mse=dict(
            source='teacher.neck[0]',
            target='student.neck[0]',
            target_connector=dict(
                type='ChannelAligner', in_channels=32, out_channels=64, dims=0
            ),
            loss=dict(type='FeatureLoss'),
        ),
        loss_kld_student=dict(source='teacher.head', target='student.head', loss=kld),
        loss_kld_teacher=dict(source='student.head', target='teacher.head', loss=kld),
    ),
    phases=[
        dict(name='static', transfers=['loss_mse'], frozen=['teacher']),
        dict(
            name='dynamic', begin=1, transfers=['loss_kld_student', 'loss_kld_teacher']
        ),
    ],
)
find_unused_parameters = True

data_preprocessor = dict(num_classes=3, mean=[127.5] * 3, std=[63.75] * 3, to_rgb=True)
data_root = '{{$E2E_DATA:data}}/'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='PackInputs'),
]
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
train_dataloader = dict(
    batch_size=3,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CustomDataset', data_root=data_root + 'cls_train', pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    batch_size=3,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CustomDataset', data_root=data_root + 'cls_val', pipeline=test_pipeline
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='Accuracy', topk=(1,))
test_evaluator = val_evaluator

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=2, val_interval=1)
val_cfg = dict(type='dynkd.StreamValLoop')
test_cfg = dict(type='dynkd.StreamTestLoop')
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
        student=dict(optimizer=dict(type='SGD', lr=0.05, momentum=0.9)),
    ),
)
default_hooks = dict(logger=dict(interval=1))
custom_hooks = [dict(type='dynkd.ExactResumeHook'), dict(type='dynkd.ExportHook')]
randomness = dict(seed=3)
