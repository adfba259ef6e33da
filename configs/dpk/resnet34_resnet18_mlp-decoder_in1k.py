# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 8: ResNet34 -> ResNet18 on ImageNet, an MLP in the place of each encoder
# ("MLP-Decoder").
_base_ = './resnet34_resnet18_in1k.py'

model = dict(
    transfers=dict(loss_dpk=dict(connector=dict(transform='mlp', encoder_depth=None)))
)
work_dir = 'work_dirs/resnet34_resnet18_mlp-decoder_in1k'
