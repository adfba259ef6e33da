# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 1 of DPK, ResNet56 -> ResNet20. Decoupled KD: the labelled class apart from
# the others, with the weights of the released code, which rise in the first epochs.
_base_ = './resnet56_resnet20_kd_cifar100.py'

model = dict(
    streams=dict(student=dict(loss_weight=1.0)),
    transfers=dict(
        _delete_=True,
        loss_decoupled=dict(
            source='teacher.head',
            target='student.head',
            loss=dict(
                type='DecoupledKDLoss',
                alpha=1.0,
                beta=2.0,
                temperature=4.0,
                loss_weight=dict(
                    type='LinearSchedule', start=0.05, stop=1.0, begin=0, end=19
                ),
            ),
        ),
    ),
)
