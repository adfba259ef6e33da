# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table IV of EKD, ResNet34 -> ResNet18 on Tiny-ImageNet. FitNets: the second stage,
# through a convolution with batch normalisation. The weight is that of CRD's code.
_base_ = '../ekd/resnet34_resnet18_kd_tiny-imagenet.py'

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
                out_channels=128,
                norm_cfg=dict(type='BN'),
                act_cfg=dict(type='ReLU'),
            ),
            loss=dict(type='FeatureLoss', kind='mse', loss_weight=100.0),
        ),
    ),
)
