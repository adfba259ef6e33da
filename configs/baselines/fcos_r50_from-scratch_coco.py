# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# FCOS with a ResNet-50 from scratch, alone: Table IV, row "ResNet50-FCOS", as section
# IV-C2 has it.
_base_ = ['./fcos_r50_coco.py', '../_base_/models/scratch_coco.py']

model = _base_.from_scratch
