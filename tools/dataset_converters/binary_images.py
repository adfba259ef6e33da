# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Put the images of CIFAR-10 or STL-10 into class folders, as MMPretrain reads them.

Both are published as raw bytes (``cifar-10-binary.tar.gz``, ``stl10_binary.tar.gz``),
beside a list of the classes' names. What is written::

    OUT/train/{airplane,...}/00000.png ...
    OUT/test/{airplane,...}/00000.png ...

Both are read by ``CustomDataset`` with ``data_root='OUT/train'`` and ``'OUT/test'``.
Images are numbered as in the archive. The unlabelled images of STL-10 are left out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from partial_folders import replacing

from dynkd.exit_status import reports_errors


@dataclass(frozen=True)
class Layout:
    """How an archive keeps its images.

    Args:
        side (int): Side of an image, in pixels.
        names (str): The file of the classes' names.
        files (dict[str, tuple[str, ...]]): By split, the files of the images.
        labels (dict[str, str]): By split, the file of the labels, from 1; empty where
            each image has its label before it, from 0.
        by_columns (bool): Whether a channel is stored column by column.
    """

    side: int
    names: str
    files: dict[str, tuple[str, ...]]
    labels: dict[str, str]
    by_columns: bool


LAYOUTS = {
    'cifar10': Layout(
        side=32,
        names='batches.meta.txt',
        files=dict(
            train=tuple(f'data_batch_{index}.bin' for index in range(1, 6)),
            test=('test_batch.bin',),
        ),
        labels={},
        by_columns=False,
    ),
    'stl10': Layout(
        side=96,
        names='class_names.txt',
        files=dict(train=('train_X.bin',), test=('test_X.bin',)),
        labels=dict(train='train_y.bin', test='test_y.bin'),
        by_columns=True,
    ),
}


def read_file(path: Path) -> np.ndarray:
    """Read the bytes of a file.

    Args:
        path (Path): The file.

    Returns:
        np.ndarray: The bytes, of shape (bytes,) and type uint8.

    Raises:
        FileNotFoundError: If it is not there.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} is not there: name the folder that was in the archive of raw '
            'bytes (binary)'
        )
    return np.frombuffer(path.read_bytes(), np.uint8)


def records(path: Path, size: int) -> np.ndarray:
    """Read a file of records of one size.

    Args:
        path (Path): The file.
        size (int): Bytes of a record.

    Returns:
        np.ndarray: Shape (records, size).

    Raises:
        FileNotFoundError: If it is not there.
        ValueError: If the file ends within a record.
    """
    values = read_file(path)
    if values.size % size:
        raise ValueError(
            f'{path} has {values.size} bytes, which are no whole records of {size}'
        )
    return values.reshape(-1, size)


def read_split(
    source: Path, layout: Layout, split: str
) -> Iterator[tuple[int, np.ndarray]]:
    """Read the images of a split.

    Args:
        source (Path): The unpacked archive.
        layout (Layout): How it keeps its images.
        split (str): ``'train'`` or ``'test'``.

    Yields:
        tuple[int, np.ndarray]: Label from 0, and image of shape (side, side, 3), BGR.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a file is cut off, or images and labels are not equally many.
    """
    pixels = 3 * layout.side**2
    own = 0 if layout.labels else 1
    files = [records(source / name, own + pixels) for name in layout.files[split]]
    found = np.concatenate(files)
    labels = found[:, 0]
    if layout.labels:
        labels = records(source / layout.labels[split], 1)[:, 0] - 1
    if len(labels) != len(found):
        raise ValueError(
            f'{source} has {len(found)} images and {len(labels)} labels for {split}'
        )
    planes = found[:, own:].reshape(-1, 3, layout.side, layout.side)
    order = (0, 3, 2, 1) if layout.by_columns else (0, 2, 3, 1)
    for label, image in zip(labels, planes.transpose(order)):
        yield int(label), np.ascontiguousarray(image[..., ::-1])


def convert(kind: str, source: Path, out: Path) -> int:
    """Write the class folders beside their place, and move them there when complete.

    Args:
        kind (str): ``'cifar10'`` or ``'stl10'``.
        source (Path): The unpacked archive.
        out (Path): The folder; ``train`` and ``test`` in it are replaced.

    Returns:
        int: How many images were written.

    Raises:
        FileNotFoundError: If a file is not there.
        ValueError: If a file is cut off, or a label is none of the classes.
    """
    layout = LAYOUTS[kind]
    names = bytes(read_file(source / layout.names)).decode().split()
    count = 0
    for split in layout.files:
        with replacing(out / split, out) as folder:
            for name in names:
                (folder / name).mkdir()
            for index, (label, image) in enumerate(read_split(source, layout, split)):
                if label >= len(names):
                    raise ValueError(
                        f'image {index} of {split} in {source} has the label {label}; '
                        f'there are {len(names)} classes'
                    )
                # `imwrite` reports no full disk.
                (folder / names[label] / f'{index:05d}.png').write_bytes(
                    cv2.imencode('.png', image)[1].tobytes()
                )
                count += 1
    return count


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description='Put the images of CIFAR-10 or STL-10 into class folders.'
    )
    parser.add_argument('kind', choices=list(LAYOUTS), help='which of the two')
    parser.add_argument('source', type=Path, help='the unpacked binary archive')
    parser.add_argument('--out', type=Path, help='folder to write (default: data/KIND)')
    args = parser.parse_args(arguments)
    args.out = args.out or Path('data', args.kind)
    return args


@reports_errors('binary_images', ValueError, OSError)
def main(arguments: list[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments)
    count = convert(args.kind, args.source, args.out)
    print(f'{args.out}: {count} images written')
    return 0


if __name__ == '__main__':
    sys.exit(main())
