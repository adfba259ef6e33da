# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD between two students on the digits, halves of a narrow ResNet-18 from scratch: the weights of
# section IV-C1, in both directions alike.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/digits_classification.py',
    '../_base_/models/resnet18_32px.py',
    '../_base_/schedules/sgd_15e.py',
]

_student = dict(model=_base_.resnet18_half, input_shape=(3, 32, 32))
_emd = dict(type='EMDLoss', layout='batch', p=1, loss_weight=0.0025)
_kld = dict(type='KLDLoss', temperature=1.0, loss_weight=0.5)
model = dict(
    type='dynkd.Distillation',
    streams=dict(student=_student, second=_student),
    transfers=dict(
        loss_emd_student=dict(
            source='second.backbone', target='student.backbone', loss=_emd
        ),
        loss_emd_second=dict(
            source='student.backbone', target='second.backbone', loss=_emd
        ),
        loss_kld_student=dict(source='second.head', target='student.head', loss=_kld),
        loss_kld_second=dict(source='student.head', target='second.head', loss=_kld),
    ),
)
randomness = dict(seed=0)
