# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The transfers of DKD for action recognition, Eq. 8 (section III-D): alpha = 0.1 (EMD),
# beta_1 = 5 (KLD for the teacher), beta_2 = 5 (KLD for the student), section IV-D. The
# teacher sees optical flow, the student RGB. Of any recognizer with an I3DHead.
#
# The feature is what the head classifies, averaged over time and space, as in MARS, on
# which the paper builds; the clips of a batch are the points of the EMD (both ours: the
# paper does not say).
feature = dict(
    source='teacher.cls_head.avg_pool',
    target='student.cls_head.avg_pool',
)
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        teacher=dict(input='flow', input_shape=(1, 2, 8, 32, 32)),
        student=dict(input='rgb', input_shape=(1, 3, 8, 32, 32)),
    ),
    transfers=dict(
        loss_emd=dict(
            loss=dict(type='EMDLoss', layout='batch', p=1, loss_weight=0.1), **feature
        ),
        loss_kld_student=dict(
            source='teacher.cls_head',
            target='student.cls_head',
            loss=dict(type='KLDLoss', temperature=1.0, loss_weight=5.0),  # T: ours
        ),
        loss_kld_teacher=dict(
            source='student.cls_head',
            target='teacher.cls_head',
            loss=dict(type='KLDLoss', temperature=1.0, loss_weight=5.0),  # T: ours
        ),
    ),
)
# Of "SKD": "MSE is used as the constraint". The weight is that of MARS (ours).
loss_mse = dict(loss=dict(type='FeatureLoss', kind='mse', loss_weight=50.0), **feature)
