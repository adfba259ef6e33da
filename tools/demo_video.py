# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Train, distil and compare action recognizers on moving digits.

Writes clips in which a digit moves in one of 8 directions, extracts their optical
flow, trains a recognizer of flow and one of RGB alone, and then both together, first
static, then Dynamic KD. Each training is a config and ``tools/train.py``. Ends with a
table and a figure. A run that was interrupted continues where it stopped.
"""

import subprocess
import sys
import time
from pathlib import Path

from demo_dkd import Training, main, train_three
from demo_report import Report
from launch import ROOT

from dynkd.utils.tool import run_tool

FLOW = 'configs/baselines/resnext3d18_flow_moving-digits.py'
RGB = 'configs/baselines/resnext3d18_rgb_moving-digits.py'
DKD = 'configs/dkd/resnext3d18_flow-rgb_static-dynamic_moving-digits.py'
REPORT = Report(
    metrics={'accuracy, %': 'acc/top1'},
    rows={
        'RGB, alone': ('rgb', ''),
        'RGB, distilled': ('dkd', 'student/'),
        'flow, alone': ('flow', ''),
        'flow, after DKD': ('dkd', 'teacher/'),
        'RGB + flow, fused': ('dkd', 'fused/'),
    },
    panels={
        'RGB (student)': {
            'alone': ('rgb', ''),
            'static, then DKD': ('dkd', 'student/'),
        },
        'Flow (teacher), and both': {
            'flow, alone': ('flow', ''),
            'flow, with DKD': ('dkd', 'teacher/'),
            'RGB + flow, fused': ('dkd', 'fused/'),
        },
    },
    measure='Top-1 accuracy',
    axis='accuracy on the validation clips',
    library='MMAction2',
    percent=True,
)
TOOLS = ROOT / 'tools' / 'dataset_converters'
#: Where the configs look for frames and flow.
VIDEOS, FRAMES = Path('data/digits/video'), Path('data/digits/rawframes')


def make_data() -> None:
    """Write the clips, their frames and their flow, what of it is not there.

    Flow is by DIS: the paper's TV-L1 would take more than half of the demo's time.

    Raises:
        SystemExit: If it cannot be written.
    """
    print('== Demo data: moving digits', flush=True)
    lists = [str(VIDEOS / f'{split}.txt') for split in ('train', 'val')]
    flow = [str(VIDEOS), str(FRAMES), '--method', 'dis', '--short-side', '0']
    for command in (
        [str(TOOLS / 'digits.py'), str(VIDEOS.parent), '--task', 'video'],
        [str(TOOLS / 'extract_flow.py'), *flow, '--annotation', *lists],
    ):
        done = subprocess.run([sys.executable, *command], cwd=ROOT)
        if done.returncode != 0:
            raise SystemExit(done.returncode)


def run(out: Path) -> None:
    """Train, distil and compare.

    Args:
        out (Path): Where results go.
    """
    begin = time.time()
    make_data()
    train_three(
        Training('Flow alone: the teacher', FLOW, 'flow'),
        Training('RGB alone', RGB, 'rgb'),
        Training('Flow teaches RGB: static, then dynamic', DKD, 'dkd'),
        out,
    )
    REPORT.write(out, time.time() - begin)


if __name__ == '__main__':
    run_tool(
        lambda: main(run, __doc__, 'work_dirs/demo_video'),
        lambda: 'start it again to continue',
    )
