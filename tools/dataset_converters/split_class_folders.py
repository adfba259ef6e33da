# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Choose classes of a data set in class folders, and split their images in two.

For face data sets, whose images lie in one folder for each subject. UCCS as in EKD's
Table VI, 180 subjects at random with 907 images for testing::

    split_class_folders.py FACES data/uccs --classes 180 --held-out 907 \\
        --names train test

What is written::

    OUT / train / SUBJECT / ....jpg
    OUT / test / SUBJECT / ....jpg

Which classes and images is a matter of the seed alone. Every class keeps an image for
training and, where it has two or more, one for testing. Images are hard links where the
file system allows it, and copies otherwise.
"""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

from partial_folders import link, replacing

from dynkd.exit_status import reports_errors

IMAGES = {'.bmp', '.jpeg', '.jpg', '.png'}


def read_classes(source: Path) -> dict[str, list[Path]]:
    """Find the images of each class.

    Args:
        source (Path): Folder of the class folders.

    Returns:
        dict[str, list[Path]]: The images of each class that has any, sorted.

    Raises:
        FileNotFoundError: If there are none.
    """
    folders = sorted(path for path in source.glob('*') if path.is_dir())
    classes = {
        folder.name: sorted(
            path for path in folder.rglob('*') if path.suffix.lower() in IMAGES
        )
        for folder in folders
    }
    classes = {name: images for name, images in classes.items() if images}
    if not classes:
        raise FileNotFoundError(f'{source} has no folders with images')
    return classes


def choose(
    classes: dict[str, list[Path]], number: int | None, seed: int
) -> dict[str, list[Path]]:
    """Choose classes at random.

    Args:
        classes (dict[str, list[Path]]): The images of each class.
        number (int, optional): How many; None: all.
        seed (int): Which ones.

    Returns:
        dict[str, list[Path]]: The chosen ones.

    Raises:
        ValueError: If there are fewer.
    """
    if number is None:
        return classes
    if number > len(classes):
        raise ValueError(
            f'there are {len(classes)} classes, fewer than the {number} to choose'
        )
    names = random.Random(seed).sample(sorted(classes), number)
    return {name: classes[name] for name in sorted(names)}


def hold_out(classes: dict[str, list[Path]], number: int, seed: int) -> set[Path]:
    """Choose the images that are not trained with.

    Args:
        classes (dict[str, list[Path]]): The images of each class.
        number (int): How many in all.
        seed (int): Which ones.

    Returns:
        set[Path]: One of each class of two or more, and the rest at random.

    Raises:
        ValueError: If so many leave a class without an image for training, or are
            fewer than the classes that need one.
    """
    draw = random.Random(seed)
    shuffled = {name: draw.sample(own, len(own)) for name, own in classes.items()}
    least = [own[0] for own in shuffled.values() if len(own) > 1]
    spare = [path for own in shuffled.values() for path in own[1:-1]]
    if not len(least) <= number <= len(least) + len(spare):
        raise ValueError(
            f'{number} images cannot be held out: of these {len(classes)} classes it '
            f'is between {len(least)} and {len(least) + len(spare)}'
        )
    return {*least, *draw.sample(spare, number - len(least))}


def split(
    source: Path,
    out: Path,
    held_out: int,
    number: int | None = None,
    names: tuple[str, str] = ('train', 'val'),
    seed: int = 5,
) -> tuple[int, int]:
    """Write the two folders, each beside its place until it is complete.

    Args:
        source (Path): Folder of the class folders.
        out (Path): The folder; what has one of the ``names`` in it is replaced.
        held_out (int): How many images the second folder has.
        number (int, optional): How many classes; None: all. Defaults to None.
        names (tuple[str, str]): Names of the folders. Defaults to
            ``('train', 'val')``.
        seed (int): Which classes and images. Defaults to 5.

    Returns:
        tuple[int, int]: How many images both have.

    Raises:
        FileNotFoundError: If there are no images.
        ValueError: If there are not enough classes or images.
    """
    classes = choose(read_classes(source), number, seed)
    chosen = hold_out(classes, held_out, seed)
    counts = []
    for folder, second in zip(names, (False, True)):
        with replacing(out / folder, out) as partial:
            count = 0
            for name, images in classes.items():
                (partial / name).mkdir()
                for path in images:
                    if (path in chosen) is second:
                        link(path, partial / path.relative_to(source))
                        count += 1
        counts.append(count)
    return counts[0], counts[1]


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description='Choose classes of a data set in class folders, and split it.'
    )
    parser.add_argument('source', type=Path, help='folder of the class folders')
    parser.add_argument('out', type=Path, help='folder to write')
    parser.add_argument('--classes', type=int, help='how many, at random (all)')
    parser.add_argument(
        '--held-out', type=int, required=True, help='images of the second folder'
    )
    parser.add_argument(
        '--names',
        nargs=2,
        default=['train', 'val'],
        metavar=('FIRST', 'SECOND'),
        help='of the folders (train val)',
    )
    parser.add_argument('--seed', type=int, default=5, help='of what is chosen (5)')
    return parser.parse_args(arguments)


@reports_errors('split_class_folders', ValueError, OSError)
def main(arguments: list[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments)
    names = tuple(args.names)
    counts = split(args.source, args.out, args.held_out, args.classes, names, args.seed)
    for name, count in zip(args.names, counts):
        print(f'{args.out / name}: {count} images')
    return 0


if __name__ == '__main__':
    sys.exit(main())
