# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 5: ResNet34 -> ResNet18 on ImageNet with a fixed ratio of 0.55, the best for this
# pair. Another: `--cfg-options model.transfers.loss_dpk.connector.ratio=0.15`.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(transfers=dict(loss_dpk=dict(connector=dict(ratio=0.55))))
work_dir = 'work_dirs/resnet34_resnet18_fixed055_in1k'
