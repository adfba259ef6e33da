# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the demos of DKD share: three trainings, a table and a figure."""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from launch import ROOT, train_once

from dynkd.utils import RunLog
from dynkd.visualization.curves import draw_curves


@dataclass(frozen=True)
class Demo:
    """A demo: a teacher alone, a student alone, and both with DKD.

    Args:
        task (str): The task of ``tools/dataset_converters/digits.py``.
        teacher (str): Config of the teacher alone.
        student (str): Config of the student alone.
        dkd (str): Config of both.
        metrics (dict[str, str]): Metrics of the table by their titles there; the first
            is drawn.
        axis (str): What the figure says beside that metric.
        library (str): What the exported student is for.
    """

    task: str
    teacher: str
    student: str
    dkd: str
    metrics: dict[str, str]
    axis: str
    library: str

    def run(self, out: Path) -> None:
        """Train, distil and compare.

        Args:
            out (Path): Where results go.
        """
        begin = time.time()
        print('== Demo data: handwritten digits', flush=True)
        tool = ROOT / 'tools' / 'dataset_converters' / 'digits.py'
        make = [sys.executable, str(tool), 'data/digits', '--task', self.task]
        subprocess.run(make, check=True, cwd=ROOT)
        train_once('Teacher alone', self.teacher, out / 'teacher')
        train_once('Student alone', self.student, out / 'student')
        start = (out / 'teacher' / 'last_checkpoint').read_text().strip()
        options = [f'model.streams.teacher.checkpoint={start}']
        title = 'Teacher and student with DKD'
        train_once(title, self.dkd, out / 'dkd', options, out / 'teacher')
        self.report(out, time.time() - begin)

    def report(self, out: Path, seconds: float) -> None:
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
        heads = ''.join(f' {title:>5} |' for title in self.metrics)
        table = [
            f'| {"":<23} |{heads}',
            f'|{"-" * 25}|{"------:|" * len(self.metrics)}',
        ]
        for label, (log, prefix) in rows.items():
            curves = (log.curve(f'{prefix}{name}') for name in self.metrics.values())
            values = ''.join(f' {list(c.values())[-1]:5.3f} |' for c in curves)
            table.append(f'| {label:<23} |{values}')
        text = '\n'.join(table) + '\n'
        (out / 'results.md').write_text(text)
        title, drawn = next(iter(self.metrics.items()))
        figure = draw_curves(
            {
                'Teacher': {
                    'alone, before': teacher.curve(drawn),
                    'with DKD': dkd.curve(f'teacher/{drawn}'),
                },
                'Student (half width)': {
                    'alone': student.curve(drawn),
                    'with DKD': dkd.curve(f'student/{drawn}'),
                },
            },
            out / 'curves.png',
            'epoch',
            self.axis,
        )
        minutes = f'{seconds / 60:.1f} minutes'
        print(f'\n{text}\n{title} at the last epoch, one seed, {minutes}.')
        student_file = f'{out}/dkd/student.pth'
        print(f'Curves: {figure}\nThe student for plain {self.library}: {student_file}')


def main(demo: Demo, description: str, folder: str) -> None:
    """Read the options and run a demo.

    Args:
        demo (Demo): The demo.
        description (str): What ``--help`` says of it.
        folder (str): Where results go by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        '--out', type=Path, default=Path(folder), help='where results go'
    )
    demo.run(parser.parse_args().out.resolve())
