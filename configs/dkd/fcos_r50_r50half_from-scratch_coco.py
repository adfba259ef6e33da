# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DKD for FCOS, R50 -> R50-half, with a teacher that starts from nothing at all: "We train
# all methods from scratch" (section IV-C2).
_base_ = ['./fcos_r50_r50half_coco.py', '../_base_/models/scratch_coco.py']

model = dict(streams=dict(teacher=dict(checkpoint=None, model=_base_.from_scratch)))
