# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Trainings that are launched by other programs, and continued after interruptions."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from mmengine.config import Config

from dynkd.utils.atomic import write_text

#: The project's clone, with its tools and configs.
ROOT = Path(__file__).resolve().parents[1]
#: Seconds for a training that is asked to stop.
PATIENCE = 30.0
#: What ``--cfg-options`` would read as something else, in a path.
_MISREAD = re.compile(r'[\s,\[\]()\'"]')


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
        SystemExit: If the training fails, or the directory is not one of trainings.
    """
    text = Config.fromfile(ROOT / config).pretty_text + ' '.join(options)
    if after is not None:
        text += (after / 'done').read_text()
    key = hashlib.sha256(text.encode()).hexdigest()
    if is_done(work_dir, key):
        print(f'== {title}: done before', flush=True)
        return
    try:
        prepare(work_dir, key)
    except FileExistsError as error:
        raise SystemExit(str(error)) from None
    print(f'== {title}: {config}', flush=True)
    _run(command(ROOT / config, work_dir, options), work_dir / 'train.log')
    write_text(work_dir / 'done', key)


def is_done(work_dir: Path, key: str) -> bool:
    """Whether a training ended.

    Args:
        work_dir (Path): Its work directory.
        key (str): What tells it from other trainings.

    Returns:
        bool: Whether this training, and no other, ended there.
    """
    done = work_dir / 'done'
    return done.is_file() and done.read_text() == key


def prepare(work_dir: Path, key: str) -> None:
    """Empty a work directory, unless this training was begun there.

    Args:
        work_dir (Path): The work directory.
        key (str): What tells the training from others.

    Raises:
        FileExistsError: If it holds files of something else than such trainings.
    """
    begun = work_dir / 'begun'
    if not begun.is_file() and work_dir.is_dir() and any(work_dir.iterdir()):
        raise FileExistsError(
            f'{work_dir} holds files of something else: choose another folder.'
        )
    if not begun.is_file() or begun.read_text() != key:
        # What another config left there would be continued.
        begin_anew(work_dir, key)


def begin_anew(work_dir: Path, key: str) -> None:
    """Empty a work directory.

    Args:
        work_dir (Path): The work directory.
        key (str): What tells the training that begins there from others.
    """
    shutil.rmtree(work_dir, ignore_errors=True)
    work_dir.mkdir(parents=True)
    write_text(work_dir / 'begun', key)


def command(
    config: Path, work_dir: Path, options: Sequence[str] = (), train: bool = True
) -> list[str]:
    """The command that trains a config, or continues where it stopped.

    Args:
        config (Path): The config.
        work_dir (Path): Where the run writes.
        options (sequence of str): Options of ``--cfg-options``. Defaults to none.
        train (bool): Whether it trains; else it validates as a training would begin.
            Defaults to True.

    Returns:
        list[str]: The command.
    """
    tool = 'train.py' if train else 'validate.py'
    words = [sys.executable, str(ROOT / 'tools' / tool), str(config)]
    words += ['--work-dir', str(work_dir), *(['--resume'] if train else [])]
    return [*words, '--cfg-options', *options] if options else words


def last_checkpoint(work_dir: Path) -> Path | None:
    """The last checkpoint of a training.

    Args:
        work_dir (Path): Its work directory.

    Returns:
        Path or None: The file, also where the directory has been moved since; None if
        it is not there.
    """
    last = work_dir / 'last_checkpoint'
    if not last.is_file():
        return None
    noted = Path(last.read_text().strip())
    places = (noted, work_dir / noted.name)
    return next((place for place in places if place.is_file()), None)


def path_option(path: Path, root: Path = ROOT) -> str:
    """A path as a value of ``--cfg-options``, for a training that runs in ``root``.

    Args:
        path (Path): The path, absolute.
        root (Path): Where the training runs. Defaults to the project.

    Returns:
        str: The path, relative to ``root`` if it is in it.

    Raises:
        ValueError: If it has characters that the option would read otherwise.
    """
    text = str(path.relative_to(root) if path.is_relative_to(root) else path)
    if _MISREAD.search(text):
        raise ValueError(
            f'{text}: this path is handed over by `--cfg-options`, which does not take '
            'spaces, commas, brackets and quotes in it. Choose another one.'
        )
    return text


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
            wait_for(process)
            raise
    if process.wait() != 0:
        print(''.join(lines), end='', file=sys.stderr)
        raise SystemExit(f'Training failed, see {log}. Start again to continue.')


def wait_for(process: subprocess.Popen) -> None:
    """Wait for the end of a process that was asked to stop, and then insist.

    Args:
        process (Popen): The process.
    """
    last = time.monotonic() + PATIENCE
    while process.poll() is None:
        try:
            if time.monotonic() > last:
                process.kill()
            time.sleep(0.1)
        except KeyboardInterrupt:
            # Whoever stops this tool may say so twice.
            continue


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
