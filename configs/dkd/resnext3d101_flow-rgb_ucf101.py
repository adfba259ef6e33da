# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for action recognition on UCF101, from optical flow to RGB and back: Table VII, row
# "Dynamic".
_base_ = [
    '../_base_/distill_action_runtime.py',
    '../_base_/datasets/ucf101.py',
    '../_base_/models/dkd_resnext3d101.py',
    '../_base_/schedules/dkd_sgd_action.py',
]

_classes = dict(cls_head=dict(num_classes=101))
model = dict(
    streams=dict(
        # Trained alone before, by `baselines/resnext3d101_flow_ucf101.py` (ours).
        teacher=dict(
            model=_classes,
            checkpoint=(
                f'work_dirs/resnext3d101_flow_ucf101_split{_base_.split}/epoch_40.pth'
            ),
        ),
        student=dict(model=_classes),
    )
)
work_dir = f'work_dirs/resnext3d101_flow-rgb_ucf101_split{_base_.split}'
