# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Write the demo data: scenes of real handwritten digits on textured backgrounds.

The digits are the 1797 scans that scikit-learn ships (``sklearn.datasets.load_digits``,
8x8 pixels). A fifth of the scans of each class is kept for ``val`` and appears nowhere
in ``train``. What is written::

    OUT/det/{train,val}/000000.png ...         scenes with 1 to 6 digits
    OUT/det/annotations/{train,val}.json       boxes, in COCO's format
    OUT/cls/{train,val}/{0..9}/0000_0.png ...  single digits, 32x32; of each scan
                                               4 for train and 1 for val

The same arguments give the same bytes. A finished data set is left as it is.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from digits_formats import WRITERS, Settings, save_json, split_digits
from digits_scene import load_digits

MANIFEST = 'manifest.json'
PARTIAL = '.partial-'
LEFTOVER_SECONDS = 3600


def read_manifest(folder: Path) -> dict | None:
    """Return a data set's manifest.

    Args:
        folder (Path): The data set.

    Returns:
        dict, optional: Its content; None if the folder is no data set of this tool.
    """
    try:
        return json.loads((folder / MANIFEST).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None


def is_complete(folder: Path, manifest: dict) -> bool:
    """Return whether a data set has these settings and all its files.

    Args:
        folder (Path): The data set.
        manifest (dict): What its manifest should say, apart from the files.

    Returns:
        bool: Whether it needs nothing.
    """
    found = read_manifest(folder)
    if found is None:
        return False
    files = found.pop('files', -1)
    return found == manifest and files == count_files(folder)


def count_files(folder: Path) -> int:
    """Return the number of files of a data set, its manifest aside.

    Args:
        folder (Path): The data set.

    Returns:
        int: The number.
    """
    return sum(1 for path in folder.rglob('*.*') if path.name != MANIFEST)


def check_place(folder: Path, manifest: dict, overwrite: bool) -> None:
    """Check that nothing but an own data set of the same settings is replaced.

    Args:
        folder (Path): Where the data set goes.
        manifest (dict): What its manifest will say, apart from the files.
        overwrite (bool): Whether a data set of other settings may be replaced.

    Raises:
        FileExistsError: Something else is there.
    """
    if not folder.exists() or folder.is_dir() and not any(folder.iterdir()):
        return
    found = read_manifest(folder)
    if found is None or found.get('task') != manifest['task']:
        raise FileExistsError(
            f'{folder} holds something that this tool did not write: move it away or '
            'choose another folder'
        )
    found.pop('files', None)
    if found != manifest and not overwrite:
        raise FileExistsError(
            f'{folder} was made with other settings, {found} instead of {manifest}: '
            'choose another folder, or replace it with --overwrite'
        )


def convert(out: Path, task: str, settings: Settings, overwrite: bool = False) -> bool:
    """Write the data of one task, unless it is there.

    Everything is written beside its place first and moved there when it is complete.

    Args:
        out (Path): Folder of the data; the task's name is appended.
        task (str): ``det`` or ``cls``.
        settings (Settings): What determines the data.
        overwrite (bool): Whether to replace data of other settings. Defaults to False.

    Returns:
        bool: Whether anything was written.

    Raises:
        FileExistsError: Something else is there.
    """
    folder, manifest = out / task, settings.manifest(task)
    if is_complete(folder, manifest):
        return False
    check_place(folder, manifest, overwrite)
    out.mkdir(parents=True, exist_ok=True)
    remove_leftovers(out)
    partial = Path(tempfile.mkdtemp(prefix=PARTIAL, dir=out))
    try:
        partial.chmod(0o755)
        WRITERS[task](partial, split_digits(load_digits(), settings), settings)
        save_json(dict(manifest, files=count_files(partial)), partial / MANIFEST)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return True


def remove_leftovers(out: Path) -> None:
    """Remove what killed runs left behind; younger folders may be another's at work.

    Args:
        out (Path): Folder of the data.
    """
    for partial in out.glob(f'{PARTIAL}*'):
        if time.time() - partial.stat().st_mtime > LEFTOVER_SECONDS:
            shutil.rmtree(partial, ignore_errors=True)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description='Write the demo data: handwritten digits for detection and '
        'classification.'
    )
    parser.add_argument('out', type=Path, help='folder to write to')
    tasks = sorted(WRITERS, reverse=True)
    parser.add_argument('--task', nargs='+', choices=tasks, default=tasks)
    default = Settings()
    parser.add_argument('--train', type=int, default=default.train, help='det scenes')
    parser.add_argument('--val', type=int, default=default.val, help='det scenes')
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        metavar=('HEIGHT', 'WIDTH'),
        default=default.size,
        help='of det scenes, in pixels',
    )
    parser.add_argument('--seed', type=int, default=default.seed)
    parser.add_argument(
        '--overwrite', action='store_true', help='replace data of other settings'
    )
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments)
    try:
        settings = Settings(args.train, args.val, tuple(args.size), args.seed)
        for task in args.task:
            wrote = convert(args.out, task, settings, args.overwrite)
            state = 'written' if wrote else 'already there'
            print(f'{args.out / task}: {state}', flush=True)
    except (ValueError, OSError, ImportError) as error:
        print(f'digits: {error}', file=sys.stderr)
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
