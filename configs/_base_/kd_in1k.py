# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# KD on ImageNet with the recipe of DPK's students (ours): T = 1, alpha = 0.8. What inherits
# from it gives the streams their models.
_base_ = [
    './distill_cls_runtime.py',
    './datasets/imagenet_224.py',
    './models/kd.py',
    './schedules/sgd_100e_in1k.py',
]

_input = dict(input_shape=(3, 224, 224))
model = dict(
    streams=dict(teacher=_input, student=dict(loss_weight=1.0, **_input)),
    transfers=dict(loss_kd=dict(loss=dict(temperature=1.0, loss_weight=0.8))),
)
