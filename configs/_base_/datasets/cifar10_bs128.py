# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# CIFAR-10 in batches of 128.
_base_ = './cifar10_bs64.py'

train_dataloader = dict(batch_size=128)
