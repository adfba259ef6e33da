# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# MGD for FCOS: the teacher's pyramid is generated from a masked one of the student. The weight is
# the authors'.
_base_ = '../_base_/kd_fcos_digits.py'

model = dict(
    transfers=dict(
        loss_mgd=dict(
            source='teacher.neck',
            target='student.neck',
            target_connector=_base_.wider_pyramid,
            loss=dict(
                type='MGDLoss', channels=64, ratio=0.65, num_levels=3, loss_weight=2e-5
            ),
        )
    )
)
