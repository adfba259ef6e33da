# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DIST: correlations of class probabilities.
_base_ = '../_base_/kd_digits.py'

model = dict(
    transfers=dict(
        loss_dist=dict(
            source='teacher.head',
            target='student.head',
            loss=dict(type='DISTLoss', inter=1.0, intra=1.0, temperature=1.0),
        )
    )
)
