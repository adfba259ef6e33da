# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Runtime of a distillation of segmentors: the run is checked before its first step, every
# stream is validated, and the student is exported for plain MMSegmentation when training
# ends.
_base_ = './seg_runtime.py'

default_hooks = dict(checkpoint=dict(save_best='student/mIoU'))
custom_hooks = [
    dict(type='dynkd.RunCheckHook'),
    dict(type='dynkd.FiniteHook'),
    dict(type='dynkd.ExactResumeHook'),
    dict(type='dynkd.ExportHook', streams=['student']),
]
val_cfg = dict(type='dynkd.StreamValLoop')
test_cfg = dict(type='dynkd.StreamTestLoop')
