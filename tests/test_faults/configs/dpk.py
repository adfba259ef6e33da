# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK: a frozen teacher, and random masks whose ratio is measured.
_base_ = ['./small_run.py', '../../../configs/_base_/models/dpk.py']

model = dict(
    streams=dict(
        teacher=dict(model=_base_.teacher, input_shape=_base_.shape),
        student=dict(model=_base_.student, input_shape=_base_.shape),
    ),
    transfers=dict(
        loss_dpk=dict(
            connector=dict(
                student_channels=8,
                teacher_channels=16,
                embed_dims=8,
                num_heads=2,
                encoder_depth=1,
                decoder_depth=1,
                grid_size=4,
                ratio=dict(window=2),
            )
        )
    ),
)
