# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD on ImageNet: Table 3, VGG-16. With batch normalisation, without which a learning
# rate of 0.1 is too large, and with three branches, as Algorithm 1 has (both ours).
_base_ = '../_base_/dtskd_in1k.py'

model = dict(
    streams=dict(
        student=dict(
            config='mmpretrain::vgg/vgg16bn_8xb32_in1k.py',
            branches=dict(num=3, num_classes=1000),
        )
    ),
    stores=dict(history=dict(path='work_dirs/vgg16_in1k/history')),
)
