# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Trainings that are launched by other programs, and continued after interruptions."""

import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from mmengine.config import Config

#: The project's clone, with its tools and configs.
ROOT = Path(__file__).resolve().parents[2]


def train_once(
    title: str,
    config: str,
    work_dir: Path,
    options: Sequence[str] = (),
    after: Optional[Path] = None,
) -> None:
    """Train a config by ``tools/train.py`` and show its progress, unless it is done.

    A training that was interrupted is resumed. One that was begun with another config
    or other options, or after another training, is begun anew.

    Args:
        title (str): What is trained, for the terminal.
        config (str): The config, relative to the project.
        work_dir (Path): Where the run writes.
        options (sequence of str): Options of ``--cfg-options``. Defaults to none.
        after (Path, optional): Work directory of the training that it starts from.
            Defaults to None.

    Raises:
        SystemExit: If the training fails.
    """
    text = Config.fromfile(ROOT / config).pretty_text + ' '.join(options)
    if after is not None:
        text += (after / 'done').read_text()
    key = hashlib.sha256(text.encode()).hexdigest()
    begun, done = work_dir / 'begun', work_dir / 'done'
    if done.is_file() and done.read_text() == key:
        print(f'== {title}: done before', flush=True)
        return
    if not begun.is_file() or begun.read_text() != key:
        # What another config left there would be continued.
        shutil.rmtree(work_dir, ignore_errors=True)
        work_dir.mkdir(parents=True)
        begun.write_text(key)
    print(f'== {title}: {config}', flush=True)
    command = [sys.executable, str(ROOT / 'tools' / 'train.py'), str(ROOT / config)]
    command += ['--work-dir', str(work_dir), '--resume']
    if options:
        command += ['--cfg-options', *options]
    _run(command, work_dir / 'train.log')
    done.write_text(key)


def _run(command: list[str], log: Path) -> None:
    """Run a command with its output in a file and its progress on the terminal."""
    lines: list[str] = []
    with log.open('a') as file:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
        )
        try:
            for line in process.stdout:
                file.write(line)
                lines = [*lines, line][-25:]
                shown = progress(line)
                if shown:
                    print(f'   {shown}', flush=True)
        except BaseException:
            # The training does not go on alone.
            process.terminate()
            process.wait()
            raise
    if process.wait() != 0:
        print(''.join(lines), end='', file=sys.stderr)
        raise SystemExit(f'Training failed, see {log}. Start again to continue.')


def progress(line: str) -> str:
    """What of a line of MMEngine's log a person wants to see go by.

    Args:
        line (str): The line.

    Returns:
        str: The epoch with its loss or its metrics; empty for other lines.
    """
    found = re.search(
        r'Epoch\((train|val)\)\s*\[(\d+)\]\s*\[\s*(\d+)/(\d+)\](.*)', line
    )
    if found is None:
        return ''
    stage, epoch, done, total, rest = found.groups()
    values = dict(re.findall(r'(\S+): ([\d.e+-]+)', rest))
    if stage == 'train':
        return f'epoch {epoch:>2}, batch {done:>3}/{total}  loss {values.get("loss")}'
    headline = ('bbox_mAP', 'accuracy/top1', 'acc/top1')
    shown = '  '.join(f'{k} {v}' for k, v in values.items() if k.endswith(headline))
    return f'epoch {epoch:>2}, validation     {shown}' if shown else ''
