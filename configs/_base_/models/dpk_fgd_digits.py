# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# `dpk_fgd_small.py` for the pyramids of the small detectors on the digits.
_base_ = './dpk_fgd_small.py'

dpk_dense = dict(
    loss_dpk=dict(
        connector=dict(
            student_channels=32,
            teacher_channels=64,
            num_levels=3,
            patch_size=[4, 2, 1],
            grid_size=5,
        )
    )
)
