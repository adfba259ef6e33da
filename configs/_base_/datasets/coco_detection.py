# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# COCO 2017 with boxes at (1333, 800), as MMDetection's detectors have it.
_base_ = 'mmdet::_base_/datasets/coco_detection.py'

train_dataloader = dict(
    persistent_workers=False, worker_init_fn=dict(type='dynkd.seed_worker')
)
