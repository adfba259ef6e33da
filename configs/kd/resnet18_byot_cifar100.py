# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# BYOT on CIFAR-100, ResNet-18: Table 1 of DTSKD, with the schedule of DTSKD.
# Classifiers on its stages learn from the label, the deepest classifier's
# probabilities (alpha = 0.3) and the feature before it.
_base_ = [
    '../_base_/distill_cls_runtime.py',
    '../_base_/datasets/cifar100_bs128.py',
    '../_base_/models/cifar_backbones.py',
    '../_base_/schedules/sgd_300e.py',
]

_branches = [f'student.branches.{index}' for index in range(3)]
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        student=dict(
            model=_base_.resnet18,
            input_shape=(3, 32, 32),
            branches=dict(
                module=dict(type='GuidedModule', out_channels=512),
                num=3,
                loss_weight=0.7,
            ),
        )
    ),
    transfers=dict(
        loss_byot_kl=dict(
            source='student.head',
            target=[f'{branch}.fc' for branch in _branches],
            loss=dict(type='KLDLoss', temperature=3.0, loss_weight=0.3),
        ),
        loss_byot_l2=dict(
            source='student.neck[-1]',
            target=[f'{branch}.features' for branch in _branches],
            # The mean over the values, of which the paper has the sum (ours).
            loss=dict(type='FeatureLoss', kind='mse', loss_weight=0.03),
        ),
    ),
)
