# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Lists of videos, and of the raw frames that are made of them, as MMAction2 has them.

A list of videos has lines of a path and a label, one of raw frames lines of a folder,
its number of frames and the label. Several labels are kept as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from flow_videos import SUFFIXES

from dynkd.utils.atomic import write_text


class Line(NamedTuple):
    """A line of a list of videos.

    Args:
        video (PurePosixPath): Path below the folder of the videos.
        labels (tuple[str, ...]): Numbers of its classes.
    """

    video: PurePosixPath
    labels: tuple[str, ...]


def read_list(file: Path) -> list[Line]:
    """Read a list of videos.

    Args:
        file (Path): The list; empty lines are left out.

    Returns:
        list[Line]: Its lines.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no such list.
    """
    lines = []
    for number, text in enumerate(file.read_text(encoding='utf-8').splitlines(), 1):
        words = text.split()
        if not words:
            continue
        video, labels = PurePosixPath(words[0]), tuple(words[1:])
        if not labels or not all(label.isdigit() for label in labels):
            raise ValueError(
                f'{file}, line {number}: expected a path and the number of its class, '
                f'as in "walk/one.mp4 3", but it is {text!r}'
            )
        if video.is_absolute() or '..' in video.parts:
            raise ValueError(
                f'{file}, line {number}: {words[0]} must be a path below the folder of '
                'the videos'
            )
        lines.append(Line(video, labels))
    if not lines:
        raise ValueError(f'{file} lists no videos')
    return lines


def read_lists(files: Sequence[Path]) -> dict[str, list[Line]]:
    """Read several lists of videos.

    Args:
        files (Sequence[Path]): The lists, which may have videos in common.

    Returns:
        dict[str, list[Line]]: Their lines by the file's name.

    Raises:
        OSError: If one cannot be read.
        ValueError: If one is no such list, or two have the same name.
    """
    lists: dict[str, list[Line]] = {}
    for file in files:
        if file.name in lists:
            raise ValueError(
                f'two lists are named {file.name}: those of the frames would be one'
            )
        lists[file.name] = read_list(file)
    return lists


def find_videos(root: Path) -> list[PurePosixPath]:
    """Find all videos of a folder.

    Args:
        root (Path): The folder, with any folders in it.

    Returns:
        list[PurePosixPath]: Their paths below it, sorted.

    Raises:
        OSError: If there is no such folder, or no video in it.
    """
    if not root.is_dir():
        raise NotADirectoryError(
            f'{root} is not a folder: pass the folder of the videos'
        )
    found = [
        PurePosixPath(path.relative_to(root).as_posix())
        for path in root.rglob('*')
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    if not found:
        raise FileNotFoundError(f'{root} has no videos ({", ".join(sorted(SUFFIXES))})')
    return sorted(found)


def frame_folder(video: PurePosixPath) -> PurePosixPath:
    """Return the folder of a video's frames.

    Args:
        video (PurePosixPath): Path below the folder of the videos.

    Returns:
        PurePosixPath: Path below that of the frames: without the suffix.
    """
    return video.with_suffix('')


def check_folders(videos: Sequence[PurePosixPath]) -> None:
    """Check that each video has a folder of its own.

    Args:
        videos (Sequence[PurePosixPath]): Paths, each once.

    Raises:
        ValueError: If frames of two would be in one folder, or in one another's.
    """
    folders: dict[PurePosixPath, PurePosixPath] = {}
    for video in videos:
        other = folders.setdefault(frame_folder(video), video)
        if other != video:
            raise ValueError(
                f'{other} and {video} would both be written to {frame_folder(video)}: '
                'rename one of them'
            )
    for folder, video in folders.items():
        for parent in folder.parents:
            if parent in folders:
                raise ValueError(
                    f'{video} would be written into {parent}, the folder of '
                    f"{folders[parent]}'s frames: rename one of them"
                )


def write_frame_list(
    file: Path, lines: Sequence[Line], counts: Mapping[PurePosixPath, int]
) -> int:
    """Write a list of raw frames.

    Args:
        file (Path): The file; one that is there is replaced.
        lines (Sequence[Line]): Those of the list of videos.
        counts (Mapping[PurePosixPath, int]): Frames of each video that has any.

    Returns:
        int: Number of lines; videos without frames are left out.
    """
    rows = [
        f'{frame_folder(video)} {counts[video]} {" ".join(labels)}'
        for video, labels in lines
        if counts.get(video)
    ]
    write_text(file, ''.join(f'{row}\n' for row in rows))
    return len(rows)
