# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Put the images of Tiny-ImageNet into class folders, as MMPretrain reads them.

The archive has its validation images in one folder, with a list of their classes. What
is written::

    OUT/train/{n01443537,...}/n01443537_0.JPEG ...    500 images of each of 200 classes
    OUT/val/{n01443537,...}/val_1230.JPEG ...         50 of each

Both are read by ``CustomDataset`` with ``data_root='OUT/train'`` and ``'OUT/val'``; the
classes are the sorted folders in both. Images are hard links where the file system
allows it, and copies otherwise. The test images have no labels and are left out. A
finished data set is left as it is.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from partial_folders import link

from dynkd.exit_status import reports_errors

#: Where an image comes from, and where it goes below the folder that is written.
Move = tuple[Path, Path]


def read_classes(source: Path) -> list[str]:
    """Read the names of the classes.

    Args:
        source (Path): The unpacked archive.

    Returns:
        list[str]: Their WordNet identifiers, sorted.

    Raises:
        FileNotFoundError: If the folder is no unpacked archive.
    """
    file = source / 'wnids.txt'
    if not file.is_file():
        raise FileNotFoundError(
            f'{file} is not there: give the folder that was in tiny-imagenet-200.zip'
        )
    return sorted(set(file.read_text(encoding='utf-8').split()))


def train_images(source: Path, classes: list[str]) -> list[Move]:
    """Find the training images.

    Args:
        source (Path): The unpacked archive.
        classes (list[str]): The classes.

    Returns:
        list[tuple[Path, Path]]: Where each is and where it goes.

    Raises:
        FileNotFoundError: If a class has none.
    """
    moves = []
    for name in classes:
        folder = source / 'train' / name / 'images'
        images = sorted(folder.glob('*.JPEG'))
        if not images:
            raise FileNotFoundError(f'{folder} has no images (*.JPEG)')
        moves += [(image, Path('train', name, image.name)) for image in images]
    return moves


def val_images(source: Path, classes: list[str]) -> list[Move]:
    """Find the validation images.

    Args:
        source (Path): The unpacked archive.
        classes (list[str]): The classes.

    Returns:
        list[tuple[Path, Path]]: Where each is and where it goes.

    Raises:
        FileNotFoundError: If an image, or the list of their classes, is not there.
        ValueError: If the list names an unknown class.
    """
    file = source / 'val' / 'val_annotations.txt'
    known = set(classes)
    moves = []
    for number, line in enumerate(file.read_text(encoding='utf-8').splitlines(), 1):
        image, name = (line.split('\t') + [''])[:2]
        if name not in known:
            raise ValueError(
                f'{file}, line {number}: {name!r} is not one of the {len(known)} '
                'classes of wnids.txt'
            )
        path = source / 'val' / 'images' / image
        if not path.is_file():
            raise FileNotFoundError(f'{path} is not there ({file}, line {number})')
        moves.append((path, Path('val', name, image)))
    return moves


def is_complete(out: Path, moves: Iterable[Move]) -> bool:
    """Return whether a folder holds these images and no others.

    Args:
        out (Path): The folder.
        moves (Iterable[tuple[Path, Path]]): The images.

    Returns:
        bool: Whether it needs nothing.
    """
    found = {
        path.relative_to(out): path.stat().st_size
        for path in out.rglob('*')
        if path.is_file()
    }
    return found == {target: source.stat().st_size for source, target in moves}


def convert(source: Path, out: Path) -> bool:
    """Write the class folders, unless they are there.

    They are written beside their place and moved there when they are complete.

    Args:
        source (Path): The unpacked archive.
        out (Path): The folder to write.

    Returns:
        bool: Whether there was something to do.

    Raises:
        OSError: If something is missing in ``source``, or ``out`` holds something else.
        ValueError: If the archive contradicts itself.
    """
    classes = read_classes(source)
    moves = train_images(source, classes) + val_images(source, classes)
    if out.exists() and any(out.iterdir()):
        if is_complete(out, moves):
            return False
        raise FileExistsError(
            f'{out} holds something else: move it away or choose another folder'
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f'.{out.name}-', dir=out.parent) as folder:
        partial = Path(folder, out.name)
        for image, target in moves:
            link(image, partial / target)
        partial.replace(out)
    return True


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description='Put the images of Tiny-ImageNet into class folders.'
    )
    parser.add_argument('source', type=Path, help='the unpacked tiny-imagenet-200')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('data/tiny-imagenet-200'),
        help='folder to write (default: %(default)s)',
    )
    return parser.parse_args(arguments)


@reports_errors('tiny_imagenet', ValueError, OSError)
def main(arguments: list[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments)
    wrote = convert(args.source, args.out)
    print(f'{args.out}: {"written" if wrote else "already there"}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
