# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FGD for one-stage detectors: from the pyramid of a frozen teacher to the student's, with
# the weights that FGD's released config has for RetinaNet. The streams of a config that
# inherits from this join them.
model = dict(
    type='dynkd.Distillation',
    streams=dict(teacher=dict(frozen=True)),
    transfers=dict(
        loss_fgd=dict(
            source='teacher.neck',
            target='student.neck',
            loss=dict(
                type='FGDLoss',
                foreground=1e-3,
                background=5e-4,
                attention=5e-4,
                relation=5e-6,
                temperature=0.5,
                channels=256,
                num_levels=5,
            ),
        )
    ),
)
