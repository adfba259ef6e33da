# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The classifiers of `cifar_backbones.py` for 200 classes, those of Tiny-ImageNet.
_base_ = './cifar_backbones.py'

globals().update({name: dict(head=dict(num_classes=200)) for name in _base_})
