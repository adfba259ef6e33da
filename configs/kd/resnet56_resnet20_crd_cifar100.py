# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 1 of DPK, ResNet56 -> ResNet20. CRD: embeddings of both networks that belong
# to one image are to be alike, and unlike those of other images. The settings are the
# authors'.
_base_ = './resnet56_resnet20_kd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_crd=dict(
            source='teacher.neck[-1]',
            target='student.neck[-1]',
            loss=dict(
                type='CRDLoss',
                target_channels=64,
                source_channels=64,
                num_samples=50000,
                loss_weight=0.8,
            ),
        ),
    ),
)
