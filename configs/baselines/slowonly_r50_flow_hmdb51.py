# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# MMAction2's SlowOnly on the optical flow of HMDB51, alone: the teacher.
_base_ = [
    '../_base_/action_runtime.py',
    '../_base_/datasets/hmdb51_8x8.py',
    '../_base_/models/slowonly_r50.py',
    '../_base_/schedules/sgd_action.py',
]

model = dict(
    _base_.slowonly_flow, cls_head=dict(_base_.slowonly_flow.cls_head, num_classes=51)
)
train_dataloader = dict(dataset=dict(pipeline=_base_.flow_train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.flow_test_pipeline))
test_dataloader = val_dataloader
work_dir = f'work_dirs/slowonly_r50_flow_hmdb51_split{_base_.split}'
