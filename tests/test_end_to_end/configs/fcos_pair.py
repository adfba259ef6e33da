# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A mutual FCOS pair and a frozen third stream, each trained stream with an optimizer
# and schedules of its own; random flips; validation of all streams.
_base_ = 'mmdet::_base_/default_runtime.py'

custom_imports = dict(imports=['dynkd', 'killer'], allow_failed_imports=False)
fcos = 'mmdet::fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py'


def tiny(channels, groups):
    return dict(
        backbone=dict(
            depth=18,
            base_channels=8,
            frozen_stages=-1,
            norm_eval=False,
            norm_cfg=dict(type='BN', requires_grad=True),
            style='pytorch',
            init_cfg=None,
        ),
        neck=dict(in_channels=[8, 16, 32, 64], out_channels=channels),
        bbox_head=dict(
            num_classes=3,
            in_channels=channels,
            feat_channels=channels,
            stacked_convs=1,
            norm_cfg=dict(type='GN', num_groups=groups),
        ),
        # An untrained detector is sure of nothing.
        test_cfg=dict(nms_pre=100, score_thr=0.0, max_per_img=20),
    )


kld = dict(type='KLDLoss', activation='sigmoid', loss_weight=0.1)
# Measured over more than an epoch, whose iterations are 3; and in each step.
measured = dict(type='BalancedWeight', share=0.5, iterations=5)
following = dict(type='BalancedWeight', share=0.1, iterations=2, momentum=0.2)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(config=fcos, model=tiny(16, 4)),
        student=dict(config=fcos, model=tiny(8, 2)),
        assistant=dict(config=fcos, model=tiny(8, 2), frozen=True),
    ),
    transfers=dict(
        loss_emd=dict(
            source='teacher.neck[2]',
            target='student.neck[2]',
            target_connector=dict(
                type='ChannelAligner', in_channels=8, out_channels=16
            ),
            loss=dict(
                type='EMDLoss',
                layout='spatial',
                loss_weight=dict(type='LinearSchedule', start=0.0, stop=0.1, end=3),
            ),
        ),
        loss_mse=dict(
            source='assistant.neck[0]',
            target='student.neck[0]',
            loss=dict(type='FeatureLoss', loss_weight=following),
        ),
        loss_kld_student=dict(
            source='teacher.bbox_head[0]',
            target='student.bbox_head[0]',
            loss=dict(kld, reduction='positives', loss_weight=measured),
        ),
        loss_kld_teacher=dict(
            source='student.bbox_head[0]', target='teacher.bbox_head[0]', loss=kld
        ),
    ),
)

data_root = '{{$E2E_DATA:data}}/'
metainfo = dict(classes=('square', 'wide', 'tall'))
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64), keep_ratio=False),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
train_dataloader = dict(
    batch_size=4,
    num_workers=2,
    persistent_workers=False,
    worker_init_fn=dict(type='dynkd.seed_worker'),
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CocoDataset',
        data_root=data_root,
        ann_file='train.json',
        data_prefix=dict(img='train/'),
        metainfo=metainfo,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=2,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset',
        data_root=data_root,
        ann_file='val.json',
        data_prefix=dict(img='val/'),
        metainfo=metainfo,
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', metric='bbox', ann_file=data_root + 'val.json')
test_evaluator = val_evaluator

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=4, val_interval=1)
val_cfg = dict(type='dynkd.StreamValLoop')
test_cfg = dict(type='dynkd.StreamTestLoop')
optim_wrapper = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    streams=dict(
        teacher=dict(optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.01)),
        student=dict(
            optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=1e-4),
            clip_grad=dict(max_norm=1.0),
        ),
    ),
)
param_scheduler = dict(
    # Every epoch that is not better counts, so that one lost validation shows.
    teacher=[
        dict(
            type='ReduceOnPlateauLR',
            monitor='teacher/coco/bbox_mAP',
            rule='greater',
            patience=0,
            factor=0.5,
        )
    ],
    student=[
        dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=5),
        dict(type='MultiStepLR', milestones=[2, 3], gamma=0.3),
    ],
)
default_hooks = dict(
    logger=dict(interval=1),
    checkpoint=dict(
        interval=1, max_keep_ckpts=2, save_best='student/coco/bbox_mAP', rule='greater'
    ),
)
custom_hooks = [
    dict(type='dynkd.ExactResumeHook'),
    dict(type='dynkd.ExportHook', streams=['student']),
    dict(type='Killer'),
]
randomness = dict(seed=3)
