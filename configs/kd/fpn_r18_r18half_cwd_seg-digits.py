# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# CWD for Semantic FPN on the masks of the digit scenes: where on the map each class is. The
# teacher was trained alone before, by `baselines/fpn_r18_seg-digits.py`. The weight is ours.
_base_ = [
    '../_base_/distill_seg_runtime.py',
    '../_base_/datasets/digits_segmentation.py',
    '../_base_/models/fpn_digits.py',
    '../_base_/schedules/adamw_digits.py',
]

model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(
            model=_base_.fpn_digits,
            checkpoint='work_dirs/fpn_r18_seg-digits/epoch_30.pth',
            frozen=True,
            input_shape=(3, 160, 160),
        ),
        student=dict(model=_base_.fpn_digits_half, input_shape=(3, 160, 160)),
    ),
    transfers=dict(
        loss_cwd=dict(
            source='teacher.decode_head',
            target='student.decode_head',
            loss=dict(
                type='CWDLoss',
                temperature=4.0,
                loss_weight=dict(type='BalancedWeight', share=1.0),
            ),
        )
    ),
)
randomness = dict(seed=0)
# In fewer epochs the small one learns little but where the background is.
train_cfg = dict(max_epochs=30, val_interval=5)
