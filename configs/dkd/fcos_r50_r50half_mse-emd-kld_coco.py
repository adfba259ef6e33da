# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# MSE beside EMD and KLD, with a teacher that learns. Not in the paper's tables.
_base_ = './fcos_r50_r50half_coco.py'

model = dict(
    transfers=dict(
        loss_mse=dict(
            source='teacher.neck[2]',
            target='student.neck[2]',
            loss=dict(
                type='FeatureLoss',
                kind='mse',
                loss_weight=dict(type='BalancedWeight', share=1.0),  # ours
            ),
        )
    )
)
