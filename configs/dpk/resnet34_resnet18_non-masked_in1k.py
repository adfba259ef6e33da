# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 9: ResNet34 -> ResNet18 on ImageNet, the loss on the non-masked patches only.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(transfers=dict(loss_dpk=dict(connector=dict(loss_on='non_masked'))))
work_dir = 'work_dirs/resnet34_resnet18_non-masked_in1k'
