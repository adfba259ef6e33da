# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table II of EKD, ResNet18 -> VGG8. FitNets: the second stage, through a convolution
# with batch normalisation. The weight is that of CRD's code.
_base_ = './resnet18_vgg8_kd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_fitnets=dict(
            source='teacher.backbone.layer2',
            target='student.backbone.features.2',
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
