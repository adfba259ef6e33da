# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 1 of DPK, ResNet56 -> ResNet20. MGD: a part of the channels of the last stage
# is masked, and the teacher's stage generated from the rest, with the authors'
# settings for classifiers.
_base_ = './resnet56_resnet20_kd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_mgd=dict(
            source='teacher.backbone.layer3',
            target='student.backbone.layer3',
            loss=dict(
                type='MGDLoss',
                channels=64,
                ratio=0.15,
                mask='channels',
                loss_weight=7e-5,
            ),
        ),
    ),
)
