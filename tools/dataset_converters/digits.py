# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Write the demo data: scenes of real handwritten digits on textured backgrounds.

The digits are the 1797 scans that scikit-learn ships (``sklearn.datasets.load_digits``,
8x8 pixels). A fifth of the scans of each class is kept for ``val`` and appears nowhere
in ``train``. What is written::

    OUT/det/{train,val}/000000.png ...         scenes with 1 to 6 digits
    OUT/det/annotations/{train,val}.json       boxes, in COCO's format
    OUT/seg/images/{train,val}/000000.png ...  the same scenes
    OUT/seg/masks/{train,val}/000000.png ...   the class of each pixel: 0 is the
                                               background, 1 the digit 0, ... 10
    OUT/cls/{train,val}/{0..9}/0000_0.png ...  single digits, 32x32; of each scan
                                               4 for train and 1 for val
    OUT/video/{train,val}/right/000000.mp4 ... moving digits, 20 frames of 64x64; the
                                               class is one of 8 directions
    OUT/video/{train,val,classes}.txt          their classes, in MMAction2's format

The same arguments give the same bytes, those of videos with the same OpenCV. A finished
data set is left as it is. Raw frames and flow of the videos::

    extract_flow.py OUT/video OUT/rawframes --short-side 0 \\
        --annotation OUT/video/train.txt OUT/video/val.txt
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from digits_formats import (
    Settings,
    save_json,
    split_digits,
    write_cls,
    write_det,
    write_seg,
)
from digits_scene import load_digits
from digits_video import write_video
from partial_folders import remove_leftovers, replacing

from dynkd.exit_status import reports_errors

MANIFEST = 'manifest.json'
WRITERS = dict(det=write_det, seg=write_seg, cls=write_cls, video=write_video)


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
        task (str): ``det``, ``seg``, ``cls`` or ``video``.
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
    remove_leftovers(out)
    with replacing(folder, out) as partial:
        WRITERS[task](partial, split_digits(load_digits(), settings), settings)
        save_json(dict(manifest, files=count_files(partial)), partial / MANIFEST)
    return True


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description='Write the demo data: handwritten digits for detection, '
        'segmentation and classification, moving digits for action recognition.'
    )
    parser.add_argument('out', type=Path, help='folder to write to')
    tasks = list(WRITERS)
    parser.add_argument(
        '--task',
        nargs='+',
        choices=tasks,
        default=tasks,
        help='what to write: det (scenes for detectors), seg (the same with masks), '
        'cls (single digits), video (clips of moving digits); all by default',
    )
    default = Settings()
    parser.add_argument(
        '--train',
        type=int,
        default=default.train,
        help=f'number of scenes for training ({default.train})',
    )
    parser.add_argument(
        '--val',
        type=int,
        default=default.val,
        help=f'number of scenes for validation ({default.val})',
    )
    parser.add_argument(
        '--size',
        type=int,
        nargs=2,
        metavar=('HEIGHT', 'WIDTH'),
        default=default.size,
        help='of scenes, in pixels',
    )
    parser.add_argument(
        '--clips',
        type=int,
        nargs=2,
        metavar=('TRAIN', 'VAL'),
        default=default.clips,
        help='number of videos',
    )
    parser.add_argument(
        '--frames', type=int, default=default.frames, help='of each video'
    )
    parser.add_argument(
        '--clip-size', type=int, default=default.clip_size, help='of videos, in pixels'
    )
    parser.add_argument(
        '--seed',
        type=int,
        default=default.seed,
        help=f'seed of places, sizes, noise and motion ({default.seed})',
    )
    parser.add_argument(
        '--overwrite', action='store_true', help='replace data of other settings'
    )
    return parser.parse_args(arguments)


@reports_errors('digits', ValueError, OSError, ImportError)
def main(arguments: list[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments)
    settings = Settings(
        args.train,
        args.val,
        tuple(args.size),
        args.seed,
        tuple(args.clips),
        args.frames,
        args.clip_size,
    )
    for task in args.task:
        wrote = convert(args.out, task, settings, args.overwrite)
        state = 'written' if wrote else 'already there'
        print(f'{args.out / task}: {state}', flush=True)
    return 0


if __name__ == '__main__':
    sys.exit(main())
