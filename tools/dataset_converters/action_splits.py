# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the converters of data sets with official splits of videos have in common.

A split is written as MMAction2's annotation files, one line a video::

    OUT/NAME_{train,val}_split_K_videos.txt       brush_hair/a.avi 0
    OUT/NAME_{train,val}_split_K_rawframes.txt    brush_hair/a 212 0

with the path below the folder of videos and the label, or with the folder of frames,
their number and the label.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dynkd.exit_status import Main, reports_errors
from dynkd.utils.atomic import write_text

#: Names of the frames that are counted, as tools/dataset_converters/extract_flow.py
#: and MMAction2 write them.
FRAMES = 'img_*.jpg'


@dataclass(frozen=True)
class Video:
    """A video and its class.

    Args:
        path (str): Where it is below the folder of videos: ``'brush_hair/a.avi'``.
        label (int): Index of its class, from 0.
    """

    path: str
    label: int


@dataclass(frozen=True)
class Split:
    """One of the official divisions of a data set.

    Args:
        number (int): Its number, from 1.
        train (list[Video]): The videos for training.
        val (list[Video]): The videos for testing, which MMAction2 calls ``val``.
    """

    number: int
    train: list[Video]
    val: list[Video]


#: Reads the three splits from the folder of official files.
Reader = Callable[[Path], list[Split]]


def read_lines(file: Path) -> list[list[str]]:
    """Read the words of a file's lines.

    Args:
        file (Path): The file.

    Returns:
        list[list[str]]: The words of each line that has any.

    Raises:
        FileNotFoundError: If the file does not exist.
    """
    if not file.is_file():
        raise FileNotFoundError(
            f'{file} is not there: give the folder of the official split files'
        )
    lines = file.read_text(encoding='utf-8').splitlines()
    return [words for words in map(str.split, lines) if words]


def check_split(split: Split) -> None:
    """Refuse a split that repeats a video or has none.

    Args:
        split (Split): The split.

    Raises:
        ValueError: If a video is there twice, or a part is empty.
    """
    for part in ('train', 'val'):
        if not getattr(split, part):
            raise ValueError(f'split {split.number} has no videos for {part}')
    counts = Counter(video.path for video in split.train + split.val)
    twice = [path for path, number in counts.items() if number > 1]
    if twice:
        raise ValueError(
            f'split {split.number} names {len(twice)} videos more than once, as '
            f'{twice[0]}'
        )


def check_videos(folder: Path, splits: Sequence[Split]) -> None:
    """Refuse splits with videos that are not there.

    Args:
        folder (Path): The folder of videos.
        splits (Sequence[Split]): The splits.

    Raises:
        FileNotFoundError: If videos are missing.
    """
    paths = sorted({v.path for split in splits for v in split.train + split.val})
    _require(folder, [path for path in paths if not (folder / path).is_file()], 'video')


def count_frames(folder: Path, splits: Sequence[Split]) -> dict[str, int]:
    """Count the frames that were extracted of each video.

    Args:
        folder (Path): The folder of frames, with one below it for each video:
            ``brush_hair/a`` for ``brush_hair/a.avi``.
        splits (Sequence[Split]): The splits.

    Returns:
        dict[str, int]: The number of frames by the path of the video.

    Raises:
        FileNotFoundError: If videos have no frames.
    """
    counts = {}
    for path in {v.path for split in splits for v in split.train + split.val}:
        counts[path] = sum(1 for _ in (folder / stem(path)).glob(FRAMES))
    empty = sorted(path for path, number in counts.items() if not number)
    _require(folder, empty, 'folder of frames')
    return counts


def _require(folder: Path, missing: list[str], what: str) -> None:
    if missing:
        shown = ', '.join(missing[:3]) + (', …' if len(missing) > 3 else '')
        raise FileNotFoundError(
            f'{folder} has no {what} for {len(missing)} of the listed videos: '
            f'{shown}. With --skip-missing they are left out.'
        )


def stem(path: str) -> str:
    """Name the folder of a video's frames.

    Args:
        path (str): The path of the video: ``'brush_hair/a.avi'``.

    Returns:
        str: The path without its suffix: ``'brush_hair/a'``.
    """
    return str(PurePosixPath(path).with_suffix(''))


def without_missing(
    splits: Sequence[Split], videos: Path | None, rawframes: Path | None
) -> tuple[list[Split], int]:
    """Leave out the videos that are not there or have no frames.

    Args:
        splits (Sequence[Split]): The splits.
        videos (Path, optional): The folder of videos. None: not looked at.
        rawframes (Path, optional): The folder of frames. None: not looked at.

    Returns:
        tuple[list[Split], int]: The splits, and how many videos they lack.
    """

    def is_there(video: Video) -> bool:
        if videos is not None and not (videos / video.path).is_file():
            return False
        if rawframes is None:
            return True
        return any((rawframes / stem(video.path)).glob(FRAMES))

    listed = {video for split in splits for video in split.train + split.val}
    kept = {video for video in listed if is_there(video)}
    parts = [
        Split(
            split.number,
            [video for video in split.train if video in kept],
            [video for video in split.val if video in kept],
        )
        for split in splits
    ]
    return parts, len(listed) - len(kept)


def write_annotations(
    name: str, splits: Sequence[Split], out: Path, counts: dict[str, int] | None
) -> list[Path]:
    """Write the annotation files.

    Args:
        name (str): Name of the data set, with which the files begin.
        splits (Sequence[Split]): The splits.
        out (Path): The folder to write.
        counts (dict[str, int], optional): The number of frames by the path of the
            video. None: nothing is written for frames.

    Returns:
        list[Path]: The files.
    """
    written = []
    for split in splits:
        for part, videos in (('train', split.train), ('val', split.val)):
            lines = dict(videos=[f'{v.path} {v.label}' for v in videos])
            if counts is not None:
                lines['rawframes'] = [
                    f'{stem(v.path)} {counts[v.path]} {v.label}' for v in videos
                ]
            for kind, own in lines.items():
                file = out / f'{name}_{part}_split_{split.number}_{kind}.txt'
                write_text(file, '\n'.join(own) + '\n')
                written.append(file)
    return written


def parse_args(name: str, arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line of a converter.

    Args:
        name (str): Name of the data set.
        arguments (list[str], optional): Its words. None: the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description=f"Write the official splits of {name} as MMAction2's annotations."
    )
    parser.add_argument('splits', type=Path, help='folder of the official split files')
    parser.add_argument(
        '--out',
        type=Path,
        default=Path(f'data/{name}/annotations'),
        help='folder to write (default: %(default)s)',
    )
    parser.add_argument('--videos', type=Path, help='check that the videos are here')
    parser.add_argument(
        '--rawframes',
        type=Path,
        help='count the frames that were extracted to this folder, and write the '
        'annotations for them too',
    )
    parser.add_argument(
        '--skip-missing',
        action='store_true',
        help='leave out videos that are not in these folders',
    )
    args = parser.parse_args(arguments)
    if args.skip_missing and args.videos is None and args.rawframes is None:
        parser.error('--skip-missing needs --videos or --rawframes.')
    return args


def converter(name: str, read: Reader) -> Main:
    """The main function of a converter.

    Args:
        name (str): Name of the data set, as files are called.
        read (Callable): Reads the splits from the folder of official files.

    Returns:
        Callable: The function, of the words of the command line (list of str, optional;
        None: the program's own), which returns the exit status.
    """

    @reports_errors(name, ValueError, OSError)
    def main(arguments: list[str] | None = None) -> int:
        args = parse_args(name, arguments)
        splits, left_out = read(args.splits), 0
        if args.skip_missing:
            splits, left_out = without_missing(splits, args.videos, args.rawframes)
        for split in splits:
            check_split(split)
        if args.videos is not None:
            check_videos(args.videos, splits)
        counts = None
        if args.rawframes is not None:
            counts = count_frames(args.rawframes, splits)
        files = write_annotations(name, splits, args.out, counts)
        for own in splits:
            print(f'split {own.number}: {len(own.train)} train, {len(own.val)} val')
        if left_out:
            print(f'left out, as they are not there: {left_out} videos')
        print(f'{args.out}: {len(files)} files')
        return 0

    return main
