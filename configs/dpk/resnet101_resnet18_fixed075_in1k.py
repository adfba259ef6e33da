# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 5: ResNet101 -> ResNet18 on ImageNet with a fixed ratio of 0.75, the best for this
# pair.
_base_ = './resnet101_resnet18_in1k.py'

model = dict(transfers=dict(loss_dpk=dict(connector=dict(ratio=0.75))))
