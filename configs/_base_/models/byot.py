# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# BYOT: classifiers on a model's stages learn from the label, the deepest classifier's
# probabilities (alpha = 0.3) and the feature before it. What inherits from it adds the
# model, and as `out_channels` the width of its last feature.
_branches = [f'student.branches.{index}' for index in range(3)]
model = dict(
    type='dynkd.Distillation',
    streams=dict(
        student=dict(
            input_shape=(3, 32, 32),
            # A bottleneck and a classifier for each of four stages but the last.
            branches=dict(module=dict(type='GuidedModule'), loss_weight=0.7),
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
