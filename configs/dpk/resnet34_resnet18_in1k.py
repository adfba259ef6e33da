# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet, ResNet34 -> ResNet18: Table 2.
_base_ = '../_base_/dpk_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::resnet/resnet34_8xb32_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/resnet/resnet34_8xb32_in1k_20210831-f257d4e6.pth',
        ),
        student=dict(config='mmpretrain::resnet/resnet18_8xb32_in1k.py'),
    ),
    transfers=dict(
        loss_dpk=dict(connector=dict(student_channels=512, teacher_channels=512))
    ),
)
# Another method has a config of the same name.
work_dir = 'work_dirs/dpk_resnet34_resnet18_in1k'
