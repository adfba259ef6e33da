# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Write the official splits of HMDB51 as MMAction2's annotation files.

The archive ``test_train_splits.rar`` has a file for each class and split,
``brush_hair_test_split1.txt``, with a video and a number in each line: 1 is for
training, 2 for testing, 0 for neither. Classes are numbered in the order of their
names.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from action_splits import Split, Video, converter, read_lines

#: What the numbers in the split files mean; 0 is a video that is not used.
PARTS = {'1': 'train', '2': 'val', '0': None}
_FILE = re.compile(r'(.+)_test_split([123])\.txt')


def read_splits(folder: Path) -> list[Split]:
    """Read the three splits.

    Args:
        folder (Path): The folder of the official files.

    Returns:
        list[Split]: The splits.

    Raises:
        FileNotFoundError: If there are none, or a class lacks one of its three.
        ValueError: If a line is none of such a file.
    """
    matches = [_FILE.fullmatch(path.name) for path in sorted(folder.glob('*.txt'))]
    classes = sorted({match.group(1) for match in matches if match})
    if not classes:
        raise FileNotFoundError(
            f'{folder} has no CLASS_test_split1.txt: give the folder that was in '
            'test_train_splits.rar'
        )
    return [_read_split(folder, classes, number) for number in (1, 2, 3)]


def _read_split(folder: Path, classes: list[str], number: int) -> Split:
    """Read a split from the files of all classes."""
    parts: dict[str, list[Video]] = dict(train=[], val=[])
    for label, name in enumerate(classes):
        file = folder / f'{name}_test_split{number}.txt'
        for words in read_lines(file):
            if len(words) != 2 or words[1] not in PARTS:
                raise ValueError(
                    f'{file}: {" ".join(words)!r} is not the name of a video and 0, '
                    '1 or 2'
                )
            part = PARTS[words[1]]
            if part is not None:
                parts[part].append(Video(f'{name}/{words[0]}', label))
    return Split(number, **parts)


main = converter('hmdb51', read_splits)

if __name__ == '__main__':
    sys.exit(main())
