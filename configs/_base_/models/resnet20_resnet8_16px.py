# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The streams of the comparison on CIFAR-10 at 16x16: ResNet-20 teaches ResNet-8. What
# inherits from it adds the method.
_base_ = './cifar_backbones_10.py'

_images = dict(input_shape=(3, 16, 16), channels_last=True)
pair = dict(
    teacher=dict(model=_base_.resnet20, **_images),
    student=dict(model=_base_.resnet8, **_images),
)
# With a teacher that was trained alone before.
trained_pair = dict(
    teacher=dict(
        pair['teacher'], checkpoint='work_dirs/resnet20_cifar10-16px/epoch_90.pth'
    ),
    student=pair['student'],
)
