# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet for ConvNeXt-E, with the recipe of MMPretrain for ConvNeXt but its
# moving average of the weights (ours; of several streams there is none). ConvNeXt gives
# its head an averaged feature: the map is tapped where the last stage ends.
_base_ = ['./dpk_adamw_in1k.py', './models/convnext_e.py']

model = dict(
    streams=dict(
        student=dict(
            config='mmpretrain::convnext/convnext-tiny_32xb128_in1k.py',
            model=_base_.convnext_e,
        )
    ),
    transfers=dict(
        loss_dpk=dict(
            source='teacher.backbone.stages.3',
            target='student.backbone.stages.3',
            connector=dict(student_channels=512),
        )
    ),
)
train_dataloader = dict(batch_size=128)
optim_wrapper = dict(optimizer=dict(lr=4e-3), clip_grad=None)
auto_scale_lr = dict(base_batch_size=4096)
