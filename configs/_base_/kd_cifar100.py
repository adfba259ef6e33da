# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on CIFAR-100 by the recipe of CRD's code, which DPK has too: learning rate 0.05, 240
# epochs. What inherits from it gives the streams their models.
_base_ = [
    './distill_cls_runtime.py',
    './datasets/cifar100_bs64.py',
    './models/kd.py',
    './models/cifar_backbones.py',
    './schedules/sgd_240e.py',
]
