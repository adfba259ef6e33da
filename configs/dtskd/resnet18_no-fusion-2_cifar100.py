# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Table 7, #0->#2: ResNet-18 on CIFAR-100 without fusion; of the branches, which all learn
# from the label, only #2 learns from the backbone too.
_base_ = './resnet18_no-fusion_cifar100.py'

model = dict(
    transfers=dict(
        loss_dtskd=dict(structural=0.0),
        loss_stru=dict(
            source='student.head',
            target='student.branches.1.fc',
            loss=dict(type='KLDLoss', temperature=4.0, loss_weight=0.8),
        ),
    )
)
