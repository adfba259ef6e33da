# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 17: ResNet34 -> ResNet18 on ImageNet, encoders and decoder of one block each.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(
    transfers=dict(loss_dpk=dict(connector=dict(encoder_depth=1, decoder_depth=1)))
)
work_dir = 'work_dirs/resnet34_resnet18_1-1_in1k'
