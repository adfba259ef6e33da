# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 8: ResNet34 -> ResNet18 on ImageNet, FitNets: the student's feature goes through a
# 1x1 convolution alone.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(
    transfers=dict(
        loss_dpk=dict(
            connector=None,
            target_connector=dict(
                type='ChannelAligner', in_channels=512, out_channels=512
            ),
        )
    )
)
work_dir = 'work_dirs/resnet34_resnet18_fitnets_in1k'
