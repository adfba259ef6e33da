# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Train, distil and compare action recognizers on moving digits.

Writes clips in which a digit moves in one of 8 directions, extracts their optical
flow, trains a recognizer of flow and one of RGB alone, and then both together, first
static, then Dynamic KD. Each training is a config and ``tools/train.py``. Ends with a
table and a figure. A run that was interrupted continues where it stopped.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from launch import ROOT, train_once

from dynkd.utils import RunLog
from dynkd.utils.tool import run_tool
from dynkd.visualization.curves import draw_curves

FLOW = 'configs/baselines/resnext3d18_flow_moving-digits.py'
RGB = 'configs/baselines/resnext3d18_rgb_moving-digits.py'
DKD = 'configs/dkd/resnext3d18_flow-rgb_static-dynamic_moving-digits.py'
METRIC = 'acc/top1'
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


def accuracy(log: RunLog, prefix: str = '') -> float:
    """The accuracy at the last validation of a run.

    Args:
        log (RunLog): What the run logged.
        prefix (str): Of the metric: the stream. Defaults to '': there is one model.

    Returns:
        float: The accuracy, in percent.
    """
    return 100 * list(log.curve(prefix + METRIC).values())[-1]


def report(out: Path, seconds: float) -> None:
    """Print the table, and write it and the figure.

    Args:
        out (Path): The directory of the demo.
        seconds (float): How long this call took.
    """
    flow, rgb, dkd = (RunLog(out / name) for name in ('flow', 'rgb', 'dkd'))
    rows = {
        'RGB, alone': accuracy(rgb),
        'RGB, distilled': accuracy(dkd, 'student/'),
        'flow, alone': accuracy(flow),
        'flow, after DKD': accuracy(dkd, 'teacher/'),
        'RGB + flow, fused': accuracy(dkd, 'fused/'),
    }
    table = [f'| {"":<17} | accuracy, % |', f'|{"-" * 19}|------------:|']
    table += [f'| {label:<17} | {value:11.1f} |' for label, value in rows.items()]
    text = '\n'.join(table) + '\n'
    (out / 'results.md').write_text(text)
    figure = draw_curves(
        {
            'RGB (student)': {
                'alone': rgb.curve(METRIC),
                'static, then DKD': dkd.curve(f'student/{METRIC}'),
            },
            'Flow (teacher), and both': {
                'flow, alone': flow.curve(METRIC),
                'flow, with DKD': dkd.curve(f'teacher/{METRIC}'),
                'RGB + flow, fused': dkd.curve(f'fused/{METRIC}'),
            },
        },
        out / 'curves.png',
        'epoch',
        'accuracy on the validation clips',
    )
    print(
        f'\n{text}\nTop-1 accuracy at the last epoch, one seed, '
        f'{seconds / 60:.1f} minutes.'
    )
    print(f'Curves: {figure}\nThe RGB student for MMAction2: {out}/dkd/student.pth')


def main() -> None:
    """Read the options and run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('work_dirs/demo_video'),
        help='where results go',
    )
    out = parser.parse_args().out.resolve()
    begin = time.time()
    make_data()
    train_once('Flow alone: the teacher', FLOW, out / 'flow')
    train_once('RGB alone', RGB, out / 'rgb')
    start = (out / 'flow' / 'last_checkpoint').read_text().strip()
    options = [f'model.streams.teacher.checkpoint={start}']
    title = 'Flow teaches RGB: static, then dynamic'
    train_once(title, DKD, out / 'dkd', options, out / 'flow')
    report(out, time.time() - begin)


if __name__ == '__main__':
    run_tool(main, lambda: 'start it again to continue')
