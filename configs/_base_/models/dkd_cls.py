# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The transfers of DKD for image classification, section IV-C1: alpha = 0.0025 (EMD),
# beta_1 = 0.1 (KLD for the teacher), beta_2 = 0.5 (KLD for the student), Eq. 6. The
# streams of a config that inherits from this join them; where the backbones' channels
# differ, it adds a `target_connector` to `loss_emd`.
model = dict(
    type='dynkd.Distillation',
    transfers=dict(
        loss_emd=dict(
            source='teacher.backbone',
            target='student.backbone',
            # p=1 is eq. 1. The paper does not say what the points are (ours): with
            # images as points the weighted term is of the size of the cross-entropy,
            # as section IV-C1 observes; with positions it would be far smaller.
            loss=dict(type='EMDLoss', layout='batch', p=1, loss_weight=0.0025),
        ),
        loss_kld_student=dict(
            source='teacher.head',
            target='student.head',
            loss=dict(type='KLDLoss', temperature=1.0, loss_weight=0.5),  # T: ours
        ),
        loss_kld_teacher=dict(
            source='student.head',
            target='teacher.head',
            loss=dict(type='KLDLoss', temperature=1.0, loss_weight=0.1),  # T: ours
        ),
    ),
)
