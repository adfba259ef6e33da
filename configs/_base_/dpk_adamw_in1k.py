# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet with the augmentations and the optimizer of Vision Transformers: T = 1
# (appendix A.2). What inherits from it gives the streams their models.
_base_ = [
    './distill_cls_runtime.py',
    './datasets/imagenet_swin_224.py',
    './models/dpk.py',
    './schedules/adamw_300e_in1k.py',
]

_input = dict(input_shape=(3, 224, 224))
model = dict(
    streams=dict(teacher=_input, student=_input),
    transfers=dict(loss_kd=dict(loss=dict(temperature=1.0))),
)
