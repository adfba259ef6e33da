# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# All 50,000 training images of CIFAR-10, from the class folders of `cifar10.py`.
_base_ = './cifar10.py'

train_dataloader = dict(dataset=dict(indices=None))
