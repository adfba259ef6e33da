# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The transfers of DKD for dense detectors, Eq. 7 (section III-C2). The streams of a config
# that inherits from this join them. Where their features have other channels, it adds a
# `target_connector` to `loss_emd`.
#
# The paper prints no weights for detection, but how to know good ones (section IV-C1): "each
# part, i.e. alpha EMD, beta_2 KLD and CrossEntropy, has the similar value in the student
# network". So each part of the student is weighted to its task loss, over the first
# iterations (ours), and that of the teacher to a fifth of its own: the beta_1 = 0.1 and
# beta_2 = 0.5 of IV-C1. `dkd_script_weights.py` has those of the released script.
_equal = dict(type='BalancedWeight', share=1.0)
_fifth = dict(type='BalancedWeight', share=0.2)
# Dense detectors classify with sigmoid, so each class is a distribution of its own (ours).
_kld = dict(type='KLDLoss', activation='sigmoid', reduction='mean')
model = dict(
    type='dynkd.Distillation',
    transfers=dict(
        # alpha EMD. p=1 is eq. 1. Eq. 7 sums KLD over the levels of the pyramid, but has
        # one EMD: it is that of stride 32, P5, whose 441 positions are the points (ours).
        loss_emd=dict(
            source='teacher.neck[2]',
            target='student.neck[2]',
            loss=dict(type='EMDLoss', layout='spatial', p=1, loss_weight=_equal),
        ),
        # beta_2 sum KLD(l_t, l_s), over the levels: the teacher teaches the student.
        loss_kld_student=dict(
            source='teacher.bbox_head[0]',
            target='student.bbox_head[0]',
            loss=dict(**_kld, loss_weight=_equal),
        ),
        # beta_1 sum KLD(l_s, l_t), over the levels: the student teaches the teacher.
        loss_kld_teacher=dict(
            source='student.bbox_head[0]',
            target='teacher.bbox_head[0]',
            loss=dict(**_kld, loss_weight=_fifth),
        ),
    ),
)
