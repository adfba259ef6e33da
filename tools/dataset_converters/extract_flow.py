# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Extract frames and optical flow of videos, as raw frames of MMAction2.

As Dynamic KD does (General Dynamic Knowledge Distillation, section IV-B): frames at 25
a second, their short side 256 pixels, TV-L1 flow with OpenCV's defaults, truncated to
[-20, 20] and mapped to [0, 255], u and v in an image each. What is written::

    OUT/walk/one/img_00001.jpg, img_00002.jpg ...       of VIDEOS/walk/one.mp4
    OUT/walk/one/flow_x_00001.jpg, flow_x_00002.jpg ... u, positive to the right
    OUT/walk/one/flow_y_00001.jpg, flow_y_00002.jpg ... v, positive downwards
    OUT/train.txt                                       of --annotation .../train.txt
    OUT/unreadable.txt                                  skipped videos, and why
    OUT/extract_flow.json                               the settings

Flow i is that from frame i to frame i + 1. The last frame has the flow of the one
before it (ours), so that flow and frames are equally many. A video slower than --fps
has frames that are repeated, with no flow between them; --fps 0 takes each frame once.

A video's folder is there when it is complete: a run that was stopped is continued by
starting it again. Exit status: 0 if all is extracted, 3 if videos were skipped, 1 if
something else is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from flow_estimate import available_cores, estimate
from flow_jobs import Job, Outcome, Settings, count_frames
from flow_lists import (
    check_folders,
    find_videos,
    frame_folder,
    read_lists,
    write_frame_list,
)
from flow_pool import quieten, run
from flow_report import describe, describe_skipped, write_unreadable
from partial_folders import remove_leftovers
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from dynkd.datasets.flow import FLOW_METHODS
from dynkd.exit_status import reports_errors
from dynkd.utils.atomic import write_text

MANIFEST = 'extract_flow.json'
SKIPPED = 3
"""Exit status if videos were skipped."""
SAMPLE = 8
"""Videos that an estimate is made from."""


def check_place(out: Path, settings: Settings) -> None:
    """Check that a folder is new, or continues an extraction of the same settings.

    Args:
        out (Path): Folder to write to.
        settings (Settings): Method, rate, size.

    Raises:
        FileExistsError: Something else is there.
    """
    if not out.exists() or out.is_dir() and not any(out.iterdir()):
        return
    try:
        found = json.loads((out / MANIFEST).read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise FileExistsError(
            f'{out} holds something that this tool did not write: choose another folder'
        ) from error
    if found != settings.manifest():
        raise FileExistsError(
            f'{out} was made with other settings, {found} instead of '
            f'{settings.manifest()}: choose another folder, or delete it'
        )


def extract_all(
    jobs: Sequence[Job], out: Path, settings: Settings, workers: int
) -> list[Outcome]:
    """Extract videos and show how far it is.

    Args:
        jobs (Sequence[Job]): Videos and folders.
        out (Path): Folder to write to.
        settings (Settings): Method, rate, size.
        workers (int): Number of processes; 0 works in this one.

    Returns:
        list[Outcome]: What became of each.

    Raises:
        OSError: If something cannot be written.
    """
    out.mkdir(parents=True, exist_ok=True)
    remove_leftovers(out)
    write_text(out / MANIFEST, json.dumps(settings.manifest(), indent=1) + '\n')
    outcomes, frames = [], 0
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn('videos, {task.fields[frames]} frames,'),
        TimeElapsedColumn(),
        TextColumn('gone,'),
        TimeRemainingColumn(),
        TextColumn('to go'),
    )
    with Progress(*columns) as progress:
        task = progress.add_task('', total=len(jobs), frames=0)
        for outcome in run(jobs, settings, workers):
            outcomes.append(outcome)
            frames += outcome.frames
            progress.update(task, advance=1, frames=frames)
    return outcomes


def convert(args: argparse.Namespace) -> int:
    """Extract what the command line says.

    Args:
        args (argparse.Namespace): The command line.

    Returns:
        int: The exit status.

    Raises:
        ValueError: If an option, or a list of videos, is wrong.
        OSError: If something is not there, or cannot be written.
    """
    settings = Settings(args.method, args.fps, args.short_side, args.quality)
    if args.workers < 0:
        raise ValueError(f'workers must be 0 or more, but is {args.workers}')
    lists = read_lists(args.annotation)
    if lists:
        named = {line.video for lines in lists.values() for line in lines}
        videos: list[PurePosixPath] = sorted(named)
    else:
        videos = find_videos(args.videos)
    check_folders(videos)
    check_place(args.out, settings)
    counts = {video: count_frames(args.out / frame_folder(video)) for video in videos}
    missing = [video for video in videos if not counts[video]]
    jobs = [
        Job(args.videos / video, args.out / frame_folder(video), args.out)
        for video in missing
    ]
    done = len(videos) - len(jobs)
    if args.dry_run:
        found = estimate(jobs, settings, SAMPLE)
        print(f'videos: {len(jobs)}; {done} are done')
        print(found.describe(args.workers, args.out))
        for line in describe_skipped(found.skipped, args.videos):
            print(line)
        return SKIPPED if found.skipped else 0
    outcomes = extract_all(jobs, args.out, settings, args.workers)
    places = dict(zip((job.video for job in jobs), missing))
    counts |= {places[outcome.job.video]: outcome.frames for outcome in outcomes}
    write_unreadable(outcomes, args.out, args.videos)
    print(describe(outcomes, done, args.videos))
    for name, lines in lists.items():
        written = write_frame_list(args.out / name, lines, counts)
        print(f'{args.out / name}: {written} of {len(lines)} videos')
    return SKIPPED if any(outcome.error for outcome in outcomes) else 0


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('videos', type=Path, help='folder of the videos')
    parser.add_argument('out', type=Path, help='folder to write to')
    parser.add_argument(
        '--annotation',
        type=Path,
        nargs='+',
        default=[],
        metavar='FILE',
        help="MMAction2's lists of videos (path and class): extract these videos, and "
        'write lists of raw frames (folder, frames, class); all videos otherwise',
    )
    parser.add_argument(
        '--method',
        choices=FLOW_METHODS,
        default=Settings.method,
        help=f'how flow is computed ({Settings.method})',
    )
    parser.add_argument(
        '--fps', type=float, default=Settings.fps, help='frames a second; 0: all frames'
    )
    parser.add_argument(
        '--short-side',
        type=int,
        default=Settings.short_side,
        help="in pixels; 0: the video's size",
    )
    parser.add_argument(
        '--quality', type=int, default=Settings.quality, help='of JPEGs'
    )
    parser.add_argument(
        '--workers', type=int, default=available_cores(), help='number of processes'
    )
    parser.add_argument(
        '--dry-run',
        action='store_true',
        help=f'write nothing; estimate time and disk from {SAMPLE} videos',
    )
    return parser.parse_args(arguments)


@reports_errors('extract_flow', ValueError, OSError, ImportError)
def main(arguments: list[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        int: The exit status.
    """
    quieten()
    try:
        return convert(parse_args(arguments))
    except KeyboardInterrupt:
        print('extract_flow: stopped; start it again to continue', file=sys.stderr)
        return 130


if __name__ == '__main__':
    sys.exit(main())
