# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# LD for GFL on the digits, a narrow ResNet-18 -> its half: where the edges of the boxes are, with
# the authors' weight. The teacher was trained alone before, by `baselines/gfl_r18_digits.py`.
_base_ = [
    '../_base_/distill_det_runtime.py',
    '../_base_/datasets/digits_detection.py',
    '../_base_/models/gfl_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

detector = 'mmdet::gfl/gfl_r50_fpn_1x_coco.py'
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(
            config=detector,
            model=_base_.gfl_digits,
            checkpoint='work_dirs/gfl_r18_digits/epoch_10.pth',
            frozen=True,
        ),
        student=dict(config=detector, model=_base_.gfl_digits_half),
    ),
    transfers=dict(
        loss_ld=dict(
            source='teacher.bbox_head[1]',
            target='student.bbox_head[1]',
            loss=dict(
                type='LDLoss', temperature=10.0, region='boxes', loss_weight=0.25
            ),
        )
    ),
)
randomness = dict(seed=0)
