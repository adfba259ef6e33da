# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 7: ResNet34 -> ResNet18 on ImageNet, zeros in the place of the teacher's tokens.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(transfers=dict(loss_dpk=dict(connector=dict(fill='zero'))))
work_dir = 'work_dirs/resnet34_resnet18_zero_in1k'
