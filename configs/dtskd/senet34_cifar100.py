# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on CIFAR-100: Table 1, SENet-34. The weights of ResNet-18 (ours).
_base_ = '../_base_/dtskd_cifar100.py'

model = dict(streams=dict(student=dict(model=_base_.senet34)))
