# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS on BCCD, EfficientNet-Lite0 -> a MobileNetV2 of half the width: as for half a
# ResNet-18, with the student's optimizer of AdamW.
_base_ = [
    './fcos_efficientnet-lite0_r18half_bccd.py',
    '../_base_/models/fcos_mobilenetv2.py',
]

_student = dict(_base_.fcos_r18_half, **_base_.mobilenetv2_half)
_student['bbox_head']['num_classes'] = 3
model = dict(streams=dict(student=dict(model=dict(_student, _delete_=True))))
optim_wrapper = dict(
    streams=dict(
        student=dict(
            optimizer=dict(_delete_=True, type='AdamW', lr=5e-4, weight_decay=0.05),
            clip_grad=dict(max_norm=35),
        )
    )
)
