# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# ILSVRC2012: random resized crops of 224x224 (section IV-B), flipped (ours).
_base_ = 'mmpretrain::_base_/datasets/imagenet_bs32.py'

train_dataloader = dict(
    batch_size=32,  # ours: 256 on 8 GPUs, as MMPretrain's ResNet configs
    persistent_workers=False,
    worker_init_fn=dict(type='dynkd.seed_worker'),
)
