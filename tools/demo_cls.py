# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Train, distil and compare classifiers on the demo data.

As ``tools/demo.py`` for detectors, but nothing of it needs MMCV's compiled ops. Trains
a narrow ResNet-18 alone, its half alone, and then both together with Dynamic KD. Ends
with a table and a figure. A run that was interrupted continues where it stopped.
"""

from demo_dkd import Demo, main

from dynkd.utils.tool import run_tool

DEMO = Demo(
    task='cls',
    teacher='configs/baselines/resnet18_digits.py',
    student='configs/baselines/resnet18half_digits.py',
    dkd='configs/dkd/resnet18_resnet18half_digits.py',
    metrics={'top-1': 'accuracy/top1'},
    axis='Accuracy on the validation digits (%)',
    library='MMPretrain',
)

if __name__ == '__main__':
    run_tool(
        lambda: main(DEMO.run, __doc__, 'work_dirs/demo_cls'),
        lambda: 'start it again to continue',
    )
