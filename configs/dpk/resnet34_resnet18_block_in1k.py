# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 6: ResNet34 -> ResNet18 on ImageNet, block-wise masks at a fixed ratio of 0.55
# (ours: that of the random ones).
_base_ = './resnet34_resnet18_in1k.py'

model = dict(transfers=dict(loss_dpk=dict(connector=dict(mask='block', ratio=0.55))))
work_dir = 'work_dirs/resnet34_resnet18_block_in1k'
