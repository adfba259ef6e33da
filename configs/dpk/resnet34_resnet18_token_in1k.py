# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 7: ResNet34 -> ResNet18 on ImageNet, a learned token in the place of the
# teacher's.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(transfers=dict(loss_dpk=dict(connector=dict(fill='token'))))
work_dir = 'work_dirs/resnet34_resnet18_token_in1k'
