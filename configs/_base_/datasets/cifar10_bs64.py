# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# CIFAR-10 as MMPretrain reads it, which it downloads itself, with random crops of 32x32
# and flips.
_base_ = 'mmpretrain::_base_/datasets/cifar10_bs16.py'

train_dataloader = dict(
    batch_size=64,
    persistent_workers=False,
    worker_init_fn=dict(type='dynkd.seed_worker'),
)
val_dataloader = dict(batch_size=128, persistent_workers=False)
test_dataloader = val_dataloader
