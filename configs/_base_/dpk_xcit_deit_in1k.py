# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK on ImageNet for DeiT. The paper's teacher is CaiT-S24, which MMPretrain lacks; the
# nearest that it has is XCiT-S24/16, of as many layers, channels and patches, and like
# CaiT with class attention on the last two layers (ours).
_base_ = './dpk_adamw_in1k.py'

model = dict(
    streams=dict(
        teacher=dict(
            config='mmpretrain::xcit/xcit-small-24-p16_8xb128_in1k.py',
            checkpoint='https://download.openmmlab.com/mmclassification/v0/xcit/xcit-small-24-p16_3rdparty-dist_in1k_20230213-130d7262.pth',
        )
    ),
    transfers=dict(
        loss_dpk=dict(
            # Patches after the last layer, 14x14; the student's behind a class token.
            source='teacher.backbone.xca_layers.23',
            target='student.backbone.layers.11',
            source_connector=dict(type='TokensToMap'),
            target_connector=dict(type='TokensToMap', extra_tokens=1),
            connector=dict(teacher_channels=384, grid_size=14),
        )
    ),
)
train_dataloader = dict(batch_size=128)
