# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table I of EKD, ResNet50 -> ResNet18. CRD: embeddings of both networks that belong
# to one image are to be alike, and unlike those of other images. The settings are the
# authors'.
_base_ = '../ekd/resnet50_resnet18_kd-crd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_crd=dict(
            source='teacher.neck[-1]',
            target='student.neck[-1]',
            loss=dict(
                type='CRDLoss',
                target_channels=512,
                source_channels=2048,
                num_samples=50000,
                loss_weight=0.8,
            ),
        ),
    ),
)
