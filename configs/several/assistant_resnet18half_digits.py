# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# A teaching assistant on the digits: a ResNet-18 of 24 channels learns from a frozen one of 32 while
# half of that learns from the assistant. TAKD trains one after the other; here all is one run.
_base_ = '../_base_/kd_digits.py'

_assistant = dict(
    _base_.resnet18,
    backbone=dict(_base_.resnet18.backbone, stem_channels=24, base_channels=24),
    head=dict(_base_.resnet18.head, in_channels=192),
)
_kld = dict(type='KLDLoss', temperature=4.0, loss_weight=0.9)
model = dict(
    streams=dict(assistant=dict(model=_assistant, input_shape=(3, 32, 32))),
    transfers=dict(
        loss_kd_assistant=dict(
            source='teacher.head', target='assistant.head', loss=_kld
        ),
        loss_kd_student=dict(source='assistant.head', target='student.head', loss=_kld),
    ),
)
