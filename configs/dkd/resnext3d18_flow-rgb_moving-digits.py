# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD on moving digits, from optical flow to RGB and back.
_base_ = [
    '../_base_/distill_action_runtime.py',
    '../_base_/datasets/moving_digits.py',
    '../_base_/models/dkd_resnext3d18.py',
    '../_base_/schedules/dkd_sgd_small_action.py',
]

_classes = dict(cls_head=dict(num_classes=8))
model = dict(
    streams=dict(
        # Trained alone before, by `baselines/resnext3d18_flow_moving-digits.py` (ours).
        teacher=dict(
            model=_classes,
            checkpoint='work_dirs/resnext3d18_flow_moving-digits/epoch_20.pth',
        ),
        student=dict(model=_classes),
    )
)
randomness = dict(seed=0)
