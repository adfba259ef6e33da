# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 1 of DPK, ResNet56 -> ResNet20. ReviewKD: each stage of the student, fused
# with all deeper ones, is to be the teacher's of the same depth. The weight rises in
# the first epochs, as in the released code; its last value is ours.
_base_ = './resnet56_resnet20_kd_cifar100.py'

stages = ['backbone.layer1', 'backbone.layer2', 'backbone.layer3']
model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_review=dict(
            source=[f'teacher.{stage}' for stage in stages],
            target=[f'student.{stage}' for stage in stages],
            target_connector=dict(
                type='ReviewFusion',
                in_channels=[16, 32, 64],
                out_channels=[16, 32, 64],
                mid_channels=64,
            ),
            loss=dict(
                type='HCLLoss',
                loss_weight=dict(
                    type='LinearSchedule', start=0.05, stop=1.0, begin=0, end=19
                ),
            ),
        ),
    ),
)
