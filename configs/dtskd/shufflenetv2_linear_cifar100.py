# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 9, "Linear Decay": ShuffleNetV2 on CIFAR-100, beta from 0.9 to 0.1.
_base_ = './shufflenetv2_cosine_cifar100.py'

model = dict(transfers=dict(loss_dtskd=dict(beta=dict(type='LinearSchedule'))))
