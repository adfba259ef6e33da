# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Backbones that distillation papers use and OpenMMLab's libraries lack.

:class:`ResNeXt3D`, for action recognition, needs nothing but MMCV. The others, for
images, are MMPretrain's own classes with what is missing added (but the WideResNet),
and are there where MMPretrain is installed, which they import.
"""

from importlib.util import find_spec

from .resnext3d import ResNeXt3D

__all__ = ['ResNeXt3D']

if find_spec('mmpretrain'):
    from .mobilenet_cifar import MobileNetV2_CIFAR
    from .resnet_6n_plus_2 import ResNet6nPlus2
    from .resnext_cifar import ResNeXt_CIFAR
    from .seresnet_cifar import SEResNet_CIFAR
    from .shufflenet_cifar import ShuffleNetV1_CIFAR, ShuffleNetV2_CIFAR
    from .vgg8 import VGG8
    from .wide_resnet import WideResNet_CIFAR

    __all__ += [
        'MobileNetV2_CIFAR',
        'ResNeXt_CIFAR',
        'ResNet6nPlus2',
        'SEResNet_CIFAR',
        'ShuffleNetV1_CIFAR',
        'ShuffleNetV2_CIFAR',
        'VGG8',
        'WideResNet_CIFAR',
    ]
