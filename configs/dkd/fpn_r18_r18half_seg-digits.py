# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for Semantic FPN on the masks of the digit scenes, a narrow ResNet-18 -> its half; all
# ours, after Eq. 7: the paper has no segmentation. The teacher was trained alone before, by
# `baselines/fpn_r18_seg-digits.py`.
_base_ = [
    '../_base_/distill_seg_runtime.py',
    '../_base_/datasets/digits_segmentation.py',
    '../_base_/models/fpn_digits.py',
    '../_base_/schedules/dkd_adamw_digits.py',
]

# Each pixel of the logits (stride 4) is a prediction of 11 classes.
_kld = dict(type='KLDLoss', activation='softmax', class_dim=1, reduction='mean')
_equal = dict(type='BalancedWeight', share=1.0)
_fifth = dict(type='BalancedWeight', share=0.2)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(
            model=_base_.fpn_digits,
            checkpoint='work_dirs/fpn_r18_seg-digits/epoch_30.pth',
            input_shape=(3, 160, 160),
        ),
        student=dict(model=_base_.fpn_digits_half, input_shape=(3, 160, 160)),
    ),
    transfers=dict(
        # The level of stride 16, whose 100 positions are the points.
        loss_emd=dict(
            source='teacher.neck[2]',
            target='student.neck[2]',
            target_connector=dict(
                type='ChannelAligner', in_channels=32, out_channels=64
            ),
            loss=dict(type='EMDLoss', layout='spatial', p=1, loss_weight=_equal),
        ),
        loss_kld_student=dict(
            source='teacher.decode_head',
            target='student.decode_head',
            loss=dict(**_kld, loss_weight=_equal),
        ),
        loss_kld_teacher=dict(
            source='student.decode_head',
            target='teacher.decode_head',
            loss=dict(**_kld, loss_weight=_fifth),
        ),
    ),
)
randomness = dict(seed=0)
# In fewer epochs the small one learns little but where the background is.
train_cfg = dict(max_epochs=30, val_interval=5)
