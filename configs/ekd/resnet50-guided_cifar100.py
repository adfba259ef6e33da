# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The teacher of Table V, "KD+T_G+S_G": ResNet50 on CIFAR-100 with guided modules, alone,
# whose classifiers learn from the deeper ones (Eqs. 3, 4, 9).
_base_ = '../_base_/ekd_cifar100.py'

model = dict(
    streams=dict(
        _delete_=True,
        teacher=dict(model=_base_.resnet50, **_base_.model.streams.teacher),
    ),
    transfers=dict(loss_ekd=dict(cross_kl=0.0, cross_l2=0.0)),
)
default_hooks = dict(checkpoint=dict(save_best='teacher/accuracy/top1'))
custom_hooks = [
    dict(type='dynkd.RunCheckHook'),
    dict(type='dynkd.ExactResumeHook'),
    dict(type='dynkd.ExportHook', streams=['teacher'], branches=True),
]
