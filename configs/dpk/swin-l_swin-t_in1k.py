# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet, Swin-L -> Swin-T: Table 14, with larger teachers (which ones is ours).
# MMPretrain's config of Swin-L is for evaluation and mixes no images: both streams see
# the student's.
_base_ = '../_base_/dpk_adamw_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::swin_transformer/swin-large_16xb64_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/swin-transformer/convert/swin_large_patch4_window7_224_22kto1k-5f0996db.pth',
            model=dict(
                train_cfg=dict(
                    augments=[
                        dict(type='Mixup', alpha=0.8),
                        dict(type='CutMix', alpha=1.0),
                    ]
                )
            ),
        ),
        student=dict(config='mmpretrain::swin_transformer/swin-tiny_16xb64_in1k.py'),
    ),
    transfers=dict(
        loss_dpk=dict(connector=dict(student_channels=768, teacher_channels=1536))
    ),
)
