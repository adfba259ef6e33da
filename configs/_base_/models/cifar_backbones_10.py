# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# The classifiers of `cifar_backbones.py` for 10 classes.
_base_ = './cifar_backbones.py'

globals().update({name: dict(head=dict(num_classes=10)) for name in _base_})
