# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the demos of DKD share: three trainings, and what is reported of them."""

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from demo_report import Report
from launch import ROOT, last_checkpoint, path_option, train_once


@dataclass(frozen=True)
class Training:
    """A training of a demo.

    Args:
        title (str): What it is called while it runs.
        config (str): Its config.
        folder (str): Its folder in the demo's.
    """

    title: str
    config: str
    folder: str


def train_three(
    teacher: Training, student: Training, both: Training, out: Path
) -> None:
    """Train a teacher alone, a student alone, and both together.

    Args:
        teacher (Training): The teacher alone, from which the third starts.
        student (Training): The student alone.
        both (Training): The distillation.
        out (Path): Where results go.

    Raises:
        SystemExit: If a training fails, or the path of ``out`` cannot be an option.
    """
    try:
        path_option(out)
    except ValueError as error:
        # Before anything is trained.
        raise SystemExit(str(error)) from None
    if last_checkpoint(out / teacher.folder) is None:
        # Whoever needed space may have deleted what the third starts from.
        (out / teacher.folder / 'done').unlink(missing_ok=True)
    for alone in (teacher, student):
        train_once(alone.title, alone.config, out / alone.folder)
    start = path_option(last_checkpoint(out / teacher.folder))
    options = [f'model.streams.teacher.checkpoint={start}']
    after = out / teacher.folder
    train_once(both.title, both.config, out / both.folder, options, after)


@dataclass(frozen=True)
class Demo:
    """A demo on handwritten digits: a teacher, a student, and both with DKD.

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
        status = subprocess.run(make, cwd=ROOT).returncode
        if status:
            raise SystemExit(status)  # it has said why
        train_three(
            Training('Teacher alone', self.teacher, 'teacher'),
            Training('Student alone', self.student, 'student'),
            Training('Teacher and student with DKD', self.dkd, 'dkd'),
            out,
        )
        self.report.write(out, time.time() - begin)

    @property
    def report(self) -> Report:
        """Report: What is shown of the trainings."""
        teacher, taught = ('teacher', ''), ('dkd', 'teacher/')
        student, distilled = ('student', ''), ('dkd', 'student/')
        return Report(
            self.metrics,
            {
                'teacher, before (alone)': teacher,
                'teacher, after DKD': taught,
                'student, alone': student,
                'student, with DKD': distilled,
            },
            {
                'Teacher': {'alone, before': teacher, 'with DKD': taught},
                'Student (half width)': {'alone': student, 'with DKD': distilled},
            },
            next(iter(self.metrics)),
            self.axis,
            self.library,
        )


def main(run: Callable[[Path], None], description: str, folder: str) -> None:
    """Read the options and run a demo.

    Args:
        run (Callable): The demo, which receives where results go.
        description (str): What ``--help`` says of it.
        folder (str): Where results go by default.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        '--out', type=Path, default=Path(folder), help='where results go'
    )
    run(parser.parse_args().out.resolve())
