# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 6: ResNet34 -> ResNet18 on ImageNet, one minus the cosine similarity as the ratio.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(
    transfers=dict(
        loss_dpk=dict(connector=dict(ratio=dict(_delete_=True, type='CosineRatio')))
    )
)
work_dir = 'work_dirs/resnet34_resnet18_cosine_in1k'
