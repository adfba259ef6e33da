# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD on HMDB51 between two SlowOnly of MMAction2, from optical flow to RGB and back: nothing
# depends on the backbone. Not in the paper.
_base_ = [
    '../_base_/distill_action_runtime.py',
    '../_base_/datasets/hmdb51_8x8.py',
    '../_base_/models/dkd_slowonly_r50.py',
    '../_base_/schedules/dkd_sgd_action.py',
]

_classes = dict(cls_head=dict(num_classes=51))
model = dict(
    streams=dict(
        # Trained alone before, by `baselines/slowonly_r50_flow_hmdb51.py` (ours).
        teacher=dict(
            model=_classes,
            checkpoint=(
                f'work_dirs/slowonly_r50_flow_hmdb51_split{_base_.split}/epoch_40.pth'
            ),
        ),
        student=dict(model=_classes),
    )
)
work_dir = f'work_dirs/slowonly_r50_flow-rgb_hmdb51_split{_base_.split}'
