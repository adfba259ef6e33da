# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 8: ResNet34 -> ResNet18 on ImageNet, convolutions as encoder and decoder ("Conv");
# two each (ours).
_base_ = './resnet34_resnet18_in1k.py'

model = dict(
    transfers=dict(
        loss_dpk=dict(
            connector=dict(transform='conv', encoder_depth=2, decoder_depth=2)
        )
    )
)
work_dir = 'work_dirs/resnet34_resnet18_conv_in1k'
