# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 6: ResNet34 -> ResNet18 on ImageNet, a ratio of 1 that is multiplied by 0.95 every
# epoch.
_base_ = './resnet34_resnet18_in1k.py'

model = dict(
    transfers=dict(
        loss_dpk=dict(
            connector=dict(
                ratio=dict(
                    _delete_=True, type='ExponentialSchedule', start=1.0, gamma=0.95
                )
            )
        )
    )
)
work_dir = 'work_dirs/resnet34_resnet18_exponential_in1k'
