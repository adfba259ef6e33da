# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# MMAction2's SlowOnly on the RGB of HMDB51, alone: the student.
_base_ = [
    '../_base_/action_runtime.py',
    '../_base_/datasets/hmdb51_8x8.py',
    '../_base_/models/slowonly_r50.py',
    '../_base_/schedules/sgd_action.py',
]

model = dict(
    _base_.slowonly_rgb, cls_head=dict(_base_.slowonly_rgb.cls_head, num_classes=51)
)
train_dataloader = dict(dataset=dict(pipeline=_base_.rgb_train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.rgb_test_pipeline))
test_dataloader = val_dataloader
work_dir = f'work_dirs/slowonly_r50_rgb_hmdb51_split{_base_.split}'
