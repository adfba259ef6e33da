# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DPK for classification, from a teacher that was trained before: the last stage's feature
# (Eqs. 4 to 7) and the class probabilities. beta = 0.2 and alpha = 0.8 are of appendix
# A.2. What inherits from it gives the streams their models, and the connector the
# channels of both and the grid of its patches.
model = dict(
    type='dynkd.Distillation',
    streams=dict(teacher=dict(frozen=True)),
    transfers=dict(
        loss_dpk=dict(
            source='teacher.backbone[0]',
            target='student.backbone[0]',
            connector=dict(
                type='PriorKnowledge',
                patch_size=1,  # ours
                embed_dims=256,  # ours
                encoder_depth=6,
                decoder_depth=6,
                ratio=dict(type='CKARatio', window=1),  # ours: one minibatch
                mask='random',
                fill='teacher',
                transform='transformer',
                loss_on='full',
            ),
            loss=dict(type='FeatureLoss', kind='mse', loss_weight=0.2),
        ),
        loss_kd=dict(
            source='teacher.head',
            target='student.head',
            loss=dict(type='KLDLoss', temperature=4.0, loss_weight=0.8),
        ),
    ),
)
