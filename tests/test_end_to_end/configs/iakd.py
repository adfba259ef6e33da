# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The IAKD-R of the configs, ResNet-32 -> ResNet-20, on tiny images; several processes.
_base_ = [
    '../../../configs/_base_/iakd_cls_runtime.py',
    '../../../configs/_base_/datasets/small_classification.py',
    '../../../configs/_base_/models/iakd_resnet32_resnet20_32px.py',
    '../../../configs/_base_/schedules/sgd_15e.py',
]

model = dict(interaction=dict(probability=dict(start=0.3)))
data_root = '{{$E2E_DATA:data}}/'
train_dataloader = dict(
    batch_size=3, num_workers=0, dataset=dict(data_root=data_root + 'cls_train')
)
val_dataloader = dict(
    batch_size=3, num_workers=0, dataset=dict(data_root=data_root + 'cls_val')
)
test_dataloader = val_dataloader
train_cfg = dict(max_epochs=4)
# The learning rate drops where the third epoch begins.
param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=[2], gamma=0.1)]
default_hooks = dict(logger=dict(interval=1))
randomness = dict(seed=0)
