# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Distillation on the digits, a narrow ResNet-18 -> its half. The teacher was trained alone
# before, by `baselines/resnet18_digits.py`. What inherits from it gives the transfers.
_base_ = [
    './distill_cls_runtime.py',
    './datasets/digits_classification.py',
    './models/teacher_student_32px.py',
    './schedules/sgd_15e.py',
]

model = dict(
    streams=dict(teacher=dict(checkpoint='work_dirs/resnet18_digits/epoch_15.pth'))
)
randomness = dict(seed=0)
