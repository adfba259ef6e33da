# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 12 of DPK, EfficientNet-B0 -> ResNet18. Decoupled KD: the labelled class apart
# from the others, with the weights of the released code.
_base_ = './efficientnet-b0_resnet18_kd_in1k.py'

model = dict(
    transfers=dict(
        _delete_=True,
        loss_decoupled=dict(
            source='teacher.head',
            target='student.head',
            loss=dict(
                type='DecoupledKDLoss',
                alpha=1.0,
                beta=0.5,
                temperature=1.0,
                loss_weight=1.0,
            ),
        ),
    )
)
