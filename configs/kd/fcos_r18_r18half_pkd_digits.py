# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# PKD for FCOS: the correlation of the pyramids. The weight is ours.
_base_ = '../_base_/kd_fcos_digits.py'

model = dict(
    transfers=dict(
        loss_pkd=dict(
            source='teacher.neck',
            target='student.neck',
            target_connector=_base_.wider_pyramid,
            loss=dict(type='PKDLoss', loss_weight=1.0),
        )
    )
)
