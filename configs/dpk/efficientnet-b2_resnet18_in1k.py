# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet, EfficientNet-B2 -> ResNet18: Table 12. Which sizes of teacher is ours;
# it sees images of 224x224 as its student does (ours).
_base_ = '../_base_/dpk_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::efficientnet/efficientnet-b2_8xb32_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/efficientnet/efficientnet-b2_3rdparty_8xb32_in1k_20220119-ea374a30.pth',
        ),
        student=dict(config='mmpretrain::resnet/resnet18_8xb32_in1k.py'),
    ),
    transfers=dict(
        loss_dpk=dict(connector=dict(student_channels=512, teacher_channels=1408))
    ),
)
