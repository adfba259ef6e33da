# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FitNets: the student's feature, through a convolution, is to be the teacher's.
# The weight is a tenth of CRD's comparison, as the learning rate is larger (ours).
_base_ = '../_base_/kd_digits.py'

model = dict(
    transfers=dict(
        loss_fitnets=dict(
            source='teacher.backbone.layer3',
            target='student.backbone.layer3',
            target_connector=dict(
                type='ChannelAligner', in_channels=64, out_channels=128
            ),
            loss=dict(type='FeatureLoss', kind='mse', loss_weight=10.0),
        )
    )
)
