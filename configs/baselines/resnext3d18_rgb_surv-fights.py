# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A narrow 3D ResNeXt-18 on the RGB of the surveillance clips, alone: the student.
_base_ = [
    '../_base_/action_runtime.py',
    '../_base_/datasets/surv_fights.py',
    '../_base_/models/resnext3d18.py',
    '../_base_/schedules/sgd_small_action.py',
]

model = dict(
    _base_.resnext3d18_rgb,
    cls_head=dict(_base_.resnext3d18_rgb.cls_head, num_classes=2),
)
train_dataloader = dict(dataset=dict(pipeline=_base_.rgb_train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.rgb_test_pipeline))
test_dataloader = val_dataloader
randomness = dict(seed=0)
