# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Write a data set with boxes in PASCAL VOC's format in COCO's.

BCCD, of a clone of its repository, with its own splits::

    voc_to_coco.py BCCD_Dataset/BCCD data/bccd --classes RBC WBC Platelets

What is read::

    SOURCE / Annotations / NAME.xml
    SOURCE / ImageSets / Main / SPLIT.txt
    SOURCE / JPEGImages / NAME.jpg

What is written::

    OUT / images / NAME.jpg
    OUT / SPLIT.json

The categories have the numbers 1, 2, … in the order of ``--classes``. Boxes without a
width or height are left out, and counted. Images are hard links where the file system
allows it, and copies otherwise.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import partial_folders

from dynkd.exit_status import reports_errors
from dynkd.utils.atomic import write_text


def read_image(file: Path, classes: Sequence[str]) -> tuple[dict, list[dict], int]:
    """Read the annotation of one image.

    Args:
        file (Path): The XML file.
        classes (sequence of str): Names of the classes, in order.

    Returns:
        tuple[dict, list[dict], int]: The image and its boxes, in COCO's format but for
        their numbers, and how many boxes have no area.

    Raises:
        ValueError: If it is no annotation, or has a class that is not among them.
    """
    try:
        root = ElementTree.parse(file).getroot()
        width, height = (int(_text(root, f'size/{key}')) for key in ('width', 'height'))
        image = dict(file_name=f'{file.stem}.jpg', width=width, height=height)
        found = [(_text(one, 'name'), *_corners(one)) for one in root.iter('object')]
    except (ElementTree.ParseError, ValueError) as error:
        raise ValueError(f'{file}: {error}') from error
    boxes = []
    for name, left, top, right, bottom in found:
        if name not in classes:
            raise ValueError(
                f'{file}: the class {name!r} is not one of {", ".join(classes)}'
            )
        size = [right - left, bottom - top]
        if min(size) > 0:
            category = classes.index(name) + 1
            boxes.append(
                dict(
                    category_id=category,
                    bbox=[left, top, *size],
                    area=size[0] * size[1],
                    iscrowd=0,
                )
            )
    return image, boxes, len(found) - len(boxes)


def _text(element: ElementTree.Element, path: str) -> str:
    """The text of a part, which must be there."""
    text = element.findtext(path)
    if text is None:
        raise ValueError(f'there is no <{path}>')
    return text.strip()


def _corners(element: ElementTree.Element) -> list[float]:
    """The corners of a box."""
    keys = ('xmin', 'ymin', 'xmax', 'ymax')
    return [float(_text(element, f'bndbox/{key}')) for key in keys]


def convert(source: Path, split: str, classes: Sequence[str]) -> tuple[dict, int]:
    """Read a split.

    Args:
        source (Path): The folder of the data set.
        split (str): Name of the split: of a file in ``ImageSets/Main``.
        classes (sequence of str): Names of the classes, in order.

    Returns:
        tuple[dict, int]: The split in COCO's format, and how many boxes have no area.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If an annotation cannot be read, or has another class.
    """
    names = (source / 'ImageSets' / 'Main' / f'{split}.txt').read_text().split()
    images: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    empty = 0
    for index, name in enumerate(names, 1):
        file = source / 'Annotations' / f'{name}.xml'
        image, own, without = read_image(file, classes)
        images.append(dict(id=index, **image))
        for box in own:
            boxes.append(dict(id=len(boxes) + 1, image_id=index, **box))
        empty += without
    categories = [dict(id=i, name=name) for i, name in enumerate(classes, 1)]
    return dict(images=images, annotations=boxes, categories=categories), empty


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description="Write a data set with boxes in PASCAL VOC's format in COCO's."
    )
    parser.add_argument('source', type=Path, help='folder of the data set')
    parser.add_argument('out', type=Path, help='folder to write')
    parser.add_argument(
        '--classes', nargs='+', required=True, help='their names, in order'
    )
    parser.add_argument(
        '--splits',
        nargs='+',
        default=['train', 'val', 'test'],
        help='files of ImageSets/Main (train val test)',
    )
    return parser.parse_args(arguments)


@reports_errors('voc_to_coco', ValueError, OSError)
def main(arguments: list[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments)
    found = {split: convert(args.source, split, args.classes) for split in args.splits}
    images = args.out / 'images'
    with partial_folders.replacing(images, args.out) as partial:
        for split, _ in found.values():
            for image in split['images']:
                name = image['file_name']
                partial_folders.link(args.source / 'JPEGImages' / name, partial / name)
    for name, (split, empty) in found.items():
        file = args.out / f'{name}.json'
        write_text(file, json.dumps(split))
        left_out = f', {empty} without an area left out' if empty else ''
        counts = len(split['images']), len(split['annotations'])
        print(f'{file}: {counts[0]} images, {counts[1]} boxes{left_out}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
