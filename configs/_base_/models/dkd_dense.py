# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The transfers of DKD for dense detectors, Eq. 7 (section III-C2). The weights are those
# of the released script; the paper does not print them for detection. The streams of a
# config that inherits from this join them. Where their features have other channels, it
# adds a `target_connector` to `loss_emd`.
#
# Dense detectors classify with sigmoid, so each class is a distribution of its own (ours).
_kld = dict(type='KLDLoss', activation='sigmoid', reduction='mean', loss_weight=0.1)
model = dict(
    type='dynkd.Distillation',
    transfers=dict(
        # alpha EMD. p=1 is eq. 1. Eq. 7 sums KLD over the levels of the pyramid, but has
        # one EMD: it is that of stride 32, P5, whose 441 positions are the points (ours).
        loss_emd=dict(
            source='teacher.neck[2]',
            target='student.neck[2]',
            loss=dict(type='EMDLoss', layout='spatial', p=1, loss_weight=0.01),
        ),
        # beta_2 sum KLD(l_t, l_s), over the levels: the teacher teaches the student.
        loss_kld_student=dict(
            source='teacher.bbox_head[0]', target='student.bbox_head[0]', loss=_kld
        ),
        # beta_1 sum KLD(l_s, l_t), over the levels: the student teaches the teacher.
        loss_kld_teacher=dict(
            source='student.bbox_head[0]', target='teacher.bbox_head[0]', loss=_kld
        ),
    ),
)
