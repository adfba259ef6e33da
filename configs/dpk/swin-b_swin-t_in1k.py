# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet, Swin-B -> Swin-T: Table 14, with larger teachers (which ones is ours).
_base_ = '../_base_/dpk_adamw_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::swin_transformer/swin-base_16xb64_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/swin-transformer/convert/swin_base_patch4_window7_224-4670dd19.pth',
        ),
        student=dict(config='mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py'),
    ),
    transfers=dict(
        loss_dpk=dict(connector=dict(student_channels=768, teacher_channels=1024))
    ),
)
