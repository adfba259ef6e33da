# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# IAKD: blocks that change places at random, and a probability that starts again where
# the learning rate drops.
_base_ = ['./small_run.py', '../../../configs/_base_/models/iakd.py']

model = dict(
    streams=dict(
        teacher=dict(model=_base_.teacher_of_blocks, input_shape=_base_.shape),
        student=dict(model=_base_.student, input_shape=_base_.shape),
    ),
    interaction=dict(probability=dict(start=0.3)),
)
custom_hooks = [*_base_.custom_hooks, dict(type='dynkd.LearningRateHook')]
find_unused_parameters = True
