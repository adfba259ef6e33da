# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ReviewKD: each stage of the student, fused with all deeper ones, is to be the teacher's of the same
# depth. The weight rises in the first epochs, as in the released code.
_base_ = '../_base_/kd_digits.py'

stages = [f'backbone.layer{index}' for index in (1, 2, 3, 4)]
model = dict(
    transfers=dict(
        loss_review=dict(
            source=[f'teacher.{stage}' for stage in stages],
            target=[f'student.{stage}' for stage in stages],
            target_connector=dict(
                type='ReviewFusion',
                in_channels=[16, 32, 64, 128],
                out_channels=[32, 64, 128, 256],
                mid_channels=64,
            ),
            loss=dict(
                type='HCLLoss',
                loss_weight=dict(
                    type='LinearSchedule', start=0.25, stop=1.0, begin=0, end=3
                ),
            ),
        )
    )
)
