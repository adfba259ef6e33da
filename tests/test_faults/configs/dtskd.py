# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# DTSKD with its store in memory, and so in every checkpoint.
_base_ = ['./small_run.py', '../../../configs/_base_/models/dtskd.py']

model = dict(streams=dict(student=dict(model=_base_.student, input_shape=_base_.shape)))
custom_hooks = [*_base_.custom_hooks, dict(type='dynkd.StoreHook')]
