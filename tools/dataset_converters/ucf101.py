# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Write the official splits of UCF101 as MMAction2's annotation files.

The archive ``UCF101TrainTestSplits-RecognitionTask.zip`` has ``classInd.txt`` with
lines like ``1 ApplyEyeMakeup``, ``trainlist01.txt`` to ``trainlist03.txt`` with
``ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi 1`` and ``testlist01.txt`` to
``testlist03.txt`` with the same less the number. Labels are the numbers less 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

from action_splits import Split, Video, converter, read_lines


def read_classes(file: Path) -> dict[str, int]:
    """Read the labels of the classes.

    Args:
        file (Path): The official ``classInd.txt``.

    Returns:
        dict[str, int]: The labels, from 0, by the names.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If the classes are not numbered from 1 on.
    """
    lines = read_lines(file)
    if any(len(words) != 2 or not words[0].isdigit() for words in lines):
        raise ValueError(f'{file}: a line is not the number and the name of a class')
    labels = {name: int(number) - 1 for number, name in lines}
    if sorted(labels.values()) != list(range(len(lines))):
        raise ValueError(f'{file}: the {len(lines)} classes are not numbered from 1 on')
    return labels


def read_list(file: Path, labels: dict[str, int]) -> list[Video]:
    """Read the videos of a list.

    Args:
        file (Path): ``trainlist01.txt`` or ``testlist01.txt``, for example.
        labels (dict[str, int]): The labels by the names of the classes.

    Returns:
        list[Video]: The videos.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If a class is unknown, or a line has the number of another class.
    """
    videos = []
    for path, *number in read_lines(file):
        name = path.partition('/')[0]
        if name not in labels:
            raise ValueError(f'{file}: {path} is of no class of classInd.txt')
        if number and number != [str(labels[name] + 1)]:
            raise ValueError(
                f'{file}: {path} has the number {" ".join(number)}, but {name} is '
                f'number {labels[name] + 1} in classInd.txt'
            )
        videos.append(Video(path, labels[name]))
    return videos


def read_splits(folder: Path) -> list[Split]:
    """Read the three splits.

    Args:
        folder (Path): The folder of the official files.

    Returns:
        list[Split]: The splits.

    Raises:
        FileNotFoundError: If a file is missing.
        ValueError: If the files contradict one another.
    """
    labels = read_classes(folder / 'classInd.txt')
    return [
        Split(
            number,
            read_list(folder / f'trainlist{number:02d}.txt', labels),
            read_list(folder / f'testlist{number:02d}.txt', labels),
        )
        for number in (1, 2, 3)
    ]


main = converter('ucf101', read_splits)

if __name__ == '__main__':
    sys.exit(main())
