# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# CRD: embeddings of both networks that belong to one image are to be alike, and unlike those of
# other images, which a memory keeps. The weight is the authors'; they draw 16,384 other images.
_base_ = '../_base_/kd_digits.py'

model = dict(
    transfers=dict(
        loss_crd=dict(
            source='teacher.neck[-1]',
            target='student.neck[-1]',
            loss=dict(
                type='CRDLoss',
                target_channels=128,
                source_channels=256,
                num_samples=5752,  # as tools/dataset_converters/digits.py makes
                negatives=1024,
                loss_weight=0.8,
            ),
        )
    )
)
