# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on CIFAR-100: Table 1, ShuffleNetV2. Three branches, as Algorithm 1 has: its last
# convolution is a stage of its own. The weights of ResNet-18 (ours).
_base_ = '../_base_/dtskd_cifar100.py'

model = dict(
    streams=dict(
        student=dict(
            model=_base_.shufflenetv2_3x3,
            branches=dict(stages=[f'backbone.layers.{i}' for i in range(4)]),
        )
    )
)
