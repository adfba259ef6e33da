# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet, Swin-S -> Swin-T: Table 13.
_base_ = '../_base_/dpk_adamw_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::swin_transformer/swin-small_16xb64_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/swin-transformer/convert/swin_small_patch4_window7_224-cc7a01c9.pth',
        ),
        student=dict(config='mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py'),
    ),
    transfers=dict(
        loss_dpk=dict(connector=dict(student_channels=768, teacher_channels=768))
    ),
)
# Another method has a config of the same name.
work_dir = 'work_dirs/dpk_swin-s_swin-t_in1k'
