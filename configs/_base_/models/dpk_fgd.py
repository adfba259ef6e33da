# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# What makes DPK inside FGD of FGD's transfers (appendix A.2, Eq. 9): foreground and
# background compare the teacher's feature with the hybrid one, whose share of the teacher
# follows CKA, level by level; attention and relation stay with the student's own feature.
# w_f and w_b are the paper's. Of its transformation modules for detection the paper says no
# more than for classification: encoders of 6 blocks, and a decoder of 4 where there are
# several levels.
_hybrid = dict(
    type='PriorKnowledge',
    student_channels=256,
    teacher_channels=256,
    embed_dims=256,  # ours
    num_heads=8,  # ours
    encoder_depth=6,
    decoder_depth=4,
    mask='random',
    # HSIC_1 needs at least 4 samples, and a GPU has 2 images: positions it is (ours).
    ratio=dict(type='CKARatio', samples='positions'),
)
_grid = (13, 21)  # patches of 64 pixels in 800x1344
_mimicking = dict(type='FGDLoss', temperature=0.5)
_no_mimicking = dict(loss=dict(foreground=0.0, background=0.0))

dpk_dense = dict(
    loss_fgd=_no_mimicking,
    loss_dpk=dict(
        source='teacher.neck',
        target='student.neck',
        # A patch is 64 pixels wide on the levels of strides 8 to 64 (ours).
        connector=dict(
            num_levels=5,
            patch_size=[8, 4, 2, 1, 1],
            grid_size=[_grid, _grid, _grid, _grid, (7, 11)],
            **_hybrid,
        ),
        loss=dict(foreground=2e-3, background=5e-4, **_mimicking),
    ),
)
dpk_two_stage = dict(
    loss_fgd=_no_mimicking,
    loss_dpk=dict(
        source=[f'teacher.neck[{level}]' for level in range(4)],
        target=[f'student.neck[{level}]' for level in range(4)],
        # A patch is 64 pixels wide on all levels (ours).
        connector=dict(
            num_levels=4, patch_size=[16, 8, 4, 2], grid_size=_grid, **_hybrid
        ),
        loss=dict(foreground=5e-5, background=2.5e-5, **_mimicking),
    ),
)
