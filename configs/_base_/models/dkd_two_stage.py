# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The transfers of DKD for two-stage detectors (section IV-C2; Table VI). Class probabilities
# are comparable only for the same boxes: the teacher classifies the RoIs that the student
# sampled, as well as its own. The weights are as in `dkd_dense.py`.
_equal = dict(type='BalancedWeight', share=1.0)
_fifth = dict(type='BalancedWeight', share=0.2)
# A RoI is classified with softmax into the classes and background (ours).
_kld = dict(type='KLDLoss', activation='softmax')
model = dict(
    type='dynkd.Distillation',
    streams=dict(teacher=dict(proposals='student')),
    transfers=dict(
        # alpha EMD. p=1 is eq. 1. Eq. 7 sums KLD over the levels of the pyramid, but has
        # one EMD: it is that of stride 32, P5, whose 441 positions are the points (ours).
        loss_emd=dict(
            source='teacher.neck[3]',
            target='student.neck[3]',
            loss=dict(type='EMDLoss', layout='spatial', p=1, loss_weight=_equal),
        ),
        # beta_2 KLD(l_t, l_s): the teacher teaches the student.
        loss_kld_student=dict(
            source='teacher.roi_head.bbox_head[0]',
            target='student.roi_head.bbox_head[0]',
            loss=dict(**_kld, loss_weight=_equal),
        ),
        # beta_1 KLD(l_s, l_t): the student teaches the teacher.
        loss_kld_teacher=dict(
            source='student.roi_head.bbox_head[0]',
            target='teacher.roi_head.bbox_head[0]',
            loss=dict(**_kld, loss_weight=_fifth),
        ),
    ),
)
