# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R + HKD on CIFAR-10, ResNet-32 -> ResNet-20: in small. It has 1 - alpha for the
# label, as HKD alone (ours): so it was measured.
_base_ = './resnet32_resnet20_r_cifar10.py'

model = dict(
    streams=dict(student=_base_.hkd_student),
    transfers=dict(loss_hkd=_base_.hkd),
)
