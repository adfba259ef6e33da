# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
# Two methods in one config: DPK on CIFAR-10 at 16x16, whose student also runs blocks of its
# teacher, as in IAKD-R.
_base_ = './resnet20_resnet8_cifar10-16px.py'

model = dict(
    type='dynkd.InteractiveDistillation',
    interaction=dict(
        student='student',
        teacher='teacher',
        probability=dict(type='ReviewSchedule', start=0.9),
        level='block',
    ),
)
custom_hooks = [*_base_.custom_hooks, dict(type='dynkd.LearningRateHook')]
find_unused_parameters = True
work_dir = 'work_dirs/dpk_resnet20_resnet8_iakd_cifar10-16px'
