# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table I of EKD, ResNet50 -> ResNet18. FitNets: the second stage, through a
# convolution with batch normalisation. The weight is that of CRD's code.
_base_ = '../ekd/resnet50_resnet18_kd-crd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_fitnets=dict(
            source='teacher.backbone.layer2',
            target='student.backbone.layer2',
            target_connector=dict(
                type='ChannelAligner',
                in_channels=128,
                out_channels=512,
                norm_cfg=dict(type='BN'),
                act_cfg=dict(type='ReLU'),
            ),
            loss=dict(type='FeatureLoss', kind='mse', loss_weight=100.0),
        ),
    ),
)
