# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Runtime of an IAKD of classifiers: `ReviewSchedule` learns from a hook where the
# learning rate drops, and DistributedDataParallel that the replaced blocks get no
# gradient.
_base_ = './distill_cls_runtime.py'

custom_hooks = [*_base_.custom_hooks, dict(type='dynkd.LearningRateHook')]
find_unused_parameters = True
# For a constant p, whose student is never alone: at the end of each epoch the running
# statistics are taken again, of the student without blocks of the teacher (ours).
own_statistics = dict(
    type='mmpretrain.PreciseBNHook', num_samples=4096, priority='ABOVE_NORMAL'
)
