# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on CIFAR-100: 64 images a batch, T = 4 (appendix A.2). What inherits from it gives
# the streams their models.
_base_ = [
    './distill_cls_runtime.py',
    './datasets/cifar100_bs64.py',
    './models/dpk.py',
    './models/cifar_backbones.py',
    './schedules/sgd_240e.py',
]

_input = dict(input_shape=(3, 32, 32))
model = dict(streams=dict(teacher=_input, student=_input))
