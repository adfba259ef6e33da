# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Train, distil and compare detectors on the demo data.

Trains an FCOS teacher alone for a few epochs, its half-width student alone, and then
both together with Dynamic KD, each by ``tools/train.py`` and a config. Ends with a
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

TEACHER = 'configs/baselines/fcos_r18_digits.py'
STUDENT = 'configs/baselines/fcos_r18half_digits.py'
DKD = 'configs/dkd/fcos_r18_r18half_digits.py'
METRIC = 'coco/bbox_mAP'


def report(out: Path, seconds: float) -> None:
    """Print the table, and write it and the figure.

    Args:
        out (Path): The directory of the demo.
        seconds (float): How long this call took.
    """
    teacher, student, dkd = (RunLog(out / n) for n in ('teacher', 'student', 'dkd'))
    rows = {
        'teacher, before (alone)': (teacher, ''),
        'teacher, after DKD': (dkd, 'teacher/'),
        'student, alone': (student, ''),
        'student, with DKD': (dkd, 'student/'),
    }
    table = [f'| {"":<23} |    AP |  AP50 |', f'|{"-" * 25}|------:|------:|']
    for label, (log, prefix) in rows.items():
        values = [
            list(log.curve(f'{prefix}{metric}').values())[-1]
            for metric in (METRIC, f'{METRIC}_50')
        ]
        table.append(f'| {label:<23} | {values[0]:5.3f} | {values[1]:5.3f} |')
    text = '\n'.join(table) + '\n'
    (out / 'results.md').write_text(text)
    figure = draw_curves(
        {
            'Teacher': {
                'alone, before': teacher.curve(METRIC),
                'with DKD': dkd.curve(f'teacher/{METRIC}'),
            },
            'Student (half width)': {
                'alone': student.curve(METRIC),
                'with DKD': dkd.curve(f'student/{METRIC}'),
            },
        },
        out / 'curves.png',
        'epoch',
        'COCO AP on the validation scenes',
    )
    print(f'\n{text}\nAP at the last epoch, one seed, {seconds / 60:.1f} minutes.')
    print(f'Curves: {figure}\nThe student for plain MMDetection: {out}/dkd/student.pth')


def main() -> None:
    """Read the options and run the demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        '--out', type=Path, default=Path('work_dirs/demo'), help='where results go'
    )
    out = parser.parse_args().out.resolve()
    begin = time.time()
    print('== Demo data: scenes of handwritten digits', flush=True)
    make = [sys.executable, str(ROOT / 'tools' / 'dataset_converters' / 'digits.py')]
    subprocess.run([*make, 'data/digits', '--task', 'det'], check=True, cwd=ROOT)
    train_once('Teacher alone', TEACHER, out / 'teacher')
    train_once('Student alone', STUDENT, out / 'student')
    start = (out / 'teacher' / 'last_checkpoint').read_text().strip()
    options = [f'model.streams.teacher.checkpoint={start}']
    train_once(
        'Teacher and student with DKD', DKD, out / 'dkd', options, out / 'teacher'
    )
    report(out, time.time() - begin)


if __name__ == '__main__':
    run_tool(main, lambda: 'start it again to continue')
