# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# An ensemble as one source: the mean of the logits of two teachers.
_base_ = './two-teachers_resnet18half_digits.py'

model = dict(
    transfers=dict(loss_kd=dict(ensemble=dict(_delete_=True, type='Ensemble')))
)
