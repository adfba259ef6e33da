# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A narrow 3D ResNeXt-18 on the optical flow of moving digits, alone: the teacher.
_base_ = [
    '../_base_/action_runtime.py',
    '../_base_/datasets/moving_digits.py',
    '../_base_/models/resnext3d18.py',
    '../_base_/schedules/sgd_small_action.py',
]

model = dict(
    _base_.resnext3d18_flow,
    cls_head=dict(_base_.resnext3d18_flow.cls_head, num_classes=8),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.flow_train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.flow_test_pipeline))
test_dataloader = val_dataloader
optim_wrapper = dict(optimizer=dict(lr=0.02))
randomness = dict(seed=0)
