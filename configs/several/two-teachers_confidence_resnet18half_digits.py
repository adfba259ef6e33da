# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Two teachers, each of which counts for an image as much as it is sure of its label (CA-MKD).
_base_ = './two-teachers_resnet18half_digits.py'

model = dict(transfers=dict(loss_kd=dict(ensemble=dict(weights='confidence'))))
