# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 6: ResNet34 -> ResNet18 on ImageNet, a ratio that falls linearly from 1 by 0.95 in
# all (ours: of the whole training; the paper prints the decrement as that of an epoch).
_base_ = './resnet34_resnet18_in1k.py'

model = dict(
    transfers=dict(
        loss_dpk=dict(
            connector=dict(
                ratio=dict(_delete_=True, type='LinearSchedule', start=1.0, stop=0.05)
            )
        )
    )
)
work_dir = 'work_dirs/resnet34_resnet18_linear_in1k'
