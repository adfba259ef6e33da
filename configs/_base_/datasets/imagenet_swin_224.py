# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ILSVRC2012 with the augmentations of Swin Transformer, as MMPretrain has them.
_base_ = 'mmpretrain::_base_/datasets/imagenet_bs64_swin_224.py'

train_dataloader = dict(
    batch_size=64,
    persistent_workers=False,
    worker_init_fn=dict(type='dynkd.seed_worker'),
)
