# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Train, distil and compare detectors on the demo data.

Trains an FCOS teacher alone for a few epochs, its half-width student alone, and then
both together with Dynamic KD, each by ``tools/train.py`` and a config. Ends with a
table and a figure. A run that was interrupted continues where it stopped.
"""

import importlib.util
import sys
from pathlib import Path

from demo_dkd import Demo, main

from dynkd.utils.tool import run_tool

DEMO = Demo(
    task='det',
    teacher='configs/baselines/fcos_r18_digits.py',
    student='configs/baselines/fcos_r18half_digits.py',
    dkd='configs/dkd/fcos_r18_r18half_digits.py',
    metrics={'AP': 'coco/bbox_mAP', 'AP50': 'coco/bbox_mAP_50'},
    axis='COCO AP on the validation scenes',
    library='MMDetection',
)


def run(out: Path) -> None:
    """Run the demo, if detectors can be trained.

    Args:
        out (Path): Where results go.

    Raises:
        SystemExit: If MMCV has no compiled operations.
    """
    # It imports torch, without which --help answers.
    if importlib.util.find_spec('mmcv._ext') is None:
        sys.exit(
            "This demo trains detectors, which need MMCV's ops, and this MMCV has "
            'none: install a C++ compiler and run `make demo` again, or run '
            '`make demo-cls`, the demo of classification.'
        )
    DEMO.run(out)


if __name__ == '__main__':
    run_tool(
        lambda: main(run, __doc__, 'work_dirs/demo'),
        lambda: 'start it again to continue',
    )
