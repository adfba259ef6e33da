# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# MMD in the place of EMD: the alternative that section III-A names. Not in the paper's
# tables. MMD with Gaussian kernels lies between 0 and 2 (ours).
_base_ = './fcos_r50_r50half_coco.py'

model = dict(
    transfers=dict(
        _delete_=True,
        loss_mmd=dict(
            source='teacher.neck[2]',
            target='student.neck[2]',
            loss=dict(
                type='MMDLoss',
                layout='spatial',
                loss_weight=dict(type='BalancedWeight', share=1.0),
            ),
        ),
        loss_kld_student=_base_.model.transfers.loss_kld_student,
        loss_kld_teacher=_base_.model.transfers.loss_kld_teacher,
    )
)
