# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Linear probing (DPK, appendix A.7): the WRN-16-2 that was distilled from a WRN-40-2 on
# CIFAR-100 is frozen, and a linear classifier on its feature is trained. What inherits
# from it sets the number of classes. Plain MMPretrain: the model is as the export left it.
_base_ = './cifar_backbones.py'

linear = dict(
    _base_.wrn16_2,
    backbone=dict(
        _base_.wrn16_2.backbone,
        frozen_stages=3,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='work_dirs/wrn40-2_wrn16-2_cifar100/student.pth',
            prefix='backbone.',
        ),
    ),
)
