# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Runtime of a distillation of recognizers: the run is checked before its first step, every
# stream is validated, and their averaged scores ("RGB+Flow", Table VIII; equal weights are
# ours), and the student is exported for MMAction2 when training ends.
_base_ = './action_runtime.py'

default_hooks = dict(checkpoint=dict(save_best='student/acc/top1'))
custom_hooks = [
    dict(type='dynkd.RunCheckHook'),
    dict(type='dynkd.FiniteHook'),
    dict(type='dynkd.ExactResumeHook'),
    dict(type='dynkd.ExportHook', streams=['student']),
]
_fused = dict(student=1.0, teacher=1.0)
val_cfg = dict(type='dynkd.StreamValLoop', fused=_fused)
test_cfg = dict(type='dynkd.StreamTestLoop', fused=_fused)
