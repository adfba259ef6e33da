# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# CWD for FCOS: where on its maps each class is. The weight is ours.
_base_ = '../_base_/kd_fcos_digits.py'

model = dict(
    transfers=dict(
        loss_cwd=dict(
            source='teacher.bbox_head[0]',
            target='student.bbox_head[0]',
            loss=dict(type='CWDLoss', temperature=1.0, loss_weight=1.0),
        )
    )
)
