# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Runtime of a classifier that learns from its past predictions: its store is opened, turned
# at each epoch's end and kept with the checkpoints.
_base_ = './distill_cls_runtime.py'

custom_hooks = [*_base_.custom_hooks, dict(type='dynkd.StoreHook')]
