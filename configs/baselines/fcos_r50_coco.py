# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with a ResNet-50, alone: Table IV, row "ResNet50-FCOS". Its backbone starts from
# ImageNet weights, as MMDetection's (ours; sections IV-B and IV-C2 disagree).
_base_ = [
    '../_base_/det_runtime.py',
    '../_base_/datasets/coco_667.py',
    '../_base_/models/fcos_r50.py',
    '../_base_/schedules/adam_coco.py',
]
