# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Two frozen teachers on the digits, a narrow ResNet-18 and its half, and a student like the half,
# which learns from the weighted mean of their class probabilities. They were trained alone
# before, by `baselines/resnet18_digits.py` and `baselines/resnet18half_digits.py`.
_base_ = '../_base_/kd_digits.py'

model = dict(
    streams=dict(
        second=dict(
            model=_base_.resnet18_half,
            frozen=True,
            input_shape=(3, 32, 32),
            checkpoint='work_dirs/resnet18half_digits/epoch_15.pth',
        )
    ),
    transfers=dict(
        loss_kd=dict(
            source=['teacher.head', 'second.head'],
            target='student.head',
            ensemble=dict(type='Ensemble', weights=[0.7, 0.3], temperature=4.0),
            loss=dict(type='KLDLoss', temperature=4.0, loss_weight=0.9),
        )
    ),
)
