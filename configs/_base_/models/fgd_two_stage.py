# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for two-stage detectors: `fgd_dense.py` with the weights that FGD's released config has
# for Faster R-CNN. P6, which is only P5 subsampled, is left out, as there.
_base_ = './fgd_dense.py'

model = dict(
    transfers=dict(
        loss_fgd=dict(
            source=[f'teacher.neck[{level}]' for level in range(4)],
            target=[f'student.neck[{level}]' for level in range(4)],
            loss=dict(
                foreground=5e-5,
                background=2.5e-5,
                attention=5e-5,
                relation=5e-7,
                num_levels=4,
            ),
        )
    )
)
