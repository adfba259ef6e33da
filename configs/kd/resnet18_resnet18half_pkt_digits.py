# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# PKT: which images of a batch are neighbours. The weight is ours: it is that of CRD's
# comparison for the released code, 30,000 / (images per batch), rounded.
_base_ = '../_base_/kd_digits.py'

model = dict(
    transfers=dict(
        loss_pkt=dict(
            source='teacher.neck[-1]',
            target='student.neck[-1]',
            loss=dict(type='PKTLoss', loss_weight=500.0),
        )
    )
)
