# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 6: ResNet34 -> ResNet18 on ImageNet, grid-wise masks, which keep one of every four
# patches: 16 of the 7x7 here, so that not 75 but 67.3 % are replaced.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(transfers=dict(loss_dpk=dict(connector=dict(mask='grid', ratio=0.75))))
work_dir = 'work_dirs/resnet34_resnet18_grid_in1k'
