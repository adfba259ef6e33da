# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD-R on Tiny-ImageNet, p from 0.1 (section 4.5). What inherits from it gives the
# streams their models.
_base_ = [
    './iakd_cls_runtime.py',
    './datasets/tiny_imagenet_64px_bs128.py',
    './models/iakd.py',
    './models/cifar_backbones_200.py',
    './schedules/iakd_sgd_300e.py',
]

_input = dict(input_shape=(3, 64, 64))
model = dict(
    streams=dict(teacher=_input, student=_input),
    interaction=dict(probability=dict(start=0.1)),
)
