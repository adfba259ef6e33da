# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# 3D ResNeXt-101 on the optical flow of UCF101, alone: Table VII, row "Original", Flow(t).
_base_ = [
    '../_base_/action_runtime.py',
    '../_base_/datasets/ucf101.py',
    '../_base_/models/resnext3d101.py',
    '../_base_/schedules/sgd_action.py',
]

model = dict(
    _base_.resnext3d101_flow,
    cls_head=dict(_base_.resnext3d101_flow.cls_head, num_classes=101),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.flow_train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.flow_test_pipeline))
test_dataloader = val_dataloader
work_dir = f'work_dirs/resnext3d101_flow_ucf101_split{_base_.split}'
