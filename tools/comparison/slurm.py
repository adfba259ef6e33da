# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The trainings of a comparison as jobs for Slurm."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from .trainings import Training


def write_jobs(
    trainings: Sequence[Training],
    command: Sequence[str],
    folder: Path,
    root: Path,
    options: Sequence[str] = (),
) -> Path:
    """Write a job for each training, and a script that submits them all.

    A job waits for those that its training starts from. It calls this tool for its one
    training, so that a job that ran out of time continues when it is submitted again.

    Args:
        trainings (sequence of Training): The trainings, each after those that it starts
            from.
        command (sequence of str): This tool with its options.
        folder (Path): Where the jobs are written.
        root (Path): The directory that they run in.
        options (sequence of str): Options of ``sbatch``. Defaults to none.

    Returns:
        Path: The script that submits them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    submit = ['#!/usr/bin/env bash', 'set -euo pipefail', '']
    names = {training.title: f'job_{i}' for i, training in enumerate(trainings)}
    for training in trainings:
        job = folder / f'{training.work_dir.name}.sh'
        job.write_text(_job(training, command, folder, root, options))
        waits = [
            f'${names[need.title]}'
            for need in training.needs.values()
            if need.title in names
        ]
        depends = f' --dependency=afterok:{":".join(waits)}' if waits else ''
        submit.append(
            f'{names[training.title]}=$(sbatch --parsable{depends} '
            f'{shlex.quote(str(job))})'
        )
    submit += ['', f'echo "{len(trainings)} jobs submitted"', '']
    script = folder / 'submit.sh'
    script.write_text('\n'.join(submit))
    script.chmod(0o755)
    return script


def _job(
    training: Training,
    command: Sequence[str],
    folder: Path,
    root: Path,
    options: Sequence[str],
) -> str:
    """The text of a job."""
    log = folder / f'{training.work_dir.name}.out'
    words = [sys.executable, *command]
    words += ['--training', training.row.name, str(training.seed)]
    lines = [
        '#!/usr/bin/env bash',
        f'#SBATCH --job-name={training.work_dir.name}',
        f'#SBATCH --output={shlex.quote(str(log))}',
        '#SBATCH --open-mode=append',
        '#SBATCH --ntasks=1',
        *(f'#SBATCH {option}' for option in options),
        '',
        f'cd {shlex.quote(str(root))}',
        f'exec {shlex.join(words)}',
        '',
    ]
    return '\n'.join(lines)
