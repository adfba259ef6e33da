# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Without interaction (Eq. 6, "w/o IA") on CIFAR-100, ResNet-44 -> ResNet-26, p = 0.9:
# Table 4.
_base_ = './resnet44_resnet26_r_cifar100.py'

model = dict(
    _delete_=True,
    type='dynkd.Distillation',
    streams=_base_.model.streams,
    transfers=dict(loss_nia=dict(_base_.non_interactive, probability=0.9)),
)
