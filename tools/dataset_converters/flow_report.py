# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Say what became of the videos of an extraction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from flow_jobs import Outcome

from dynkd.utils.atomic import write_text

UNREADABLE = 'unreadable.txt'
SHOWN = 5
"""Skipped videos that are shown; the list has all."""


def describe(outcomes: Sequence[Outcome], done: int, root: Path) -> str:
    """Describe what was extracted.

    Args:
        outcomes (Sequence[Outcome]): What became of the videos.
        done (int): How many were extracted before.
        root (Path): Folder of the videos.

    Returns:
        str: Some lines.
    """
    written = [outcome for outcome in outcomes if not outcome.error]
    frames = sum(outcome.frames for outcome in written)
    lines = [f'{len(written)} videos extracted, {frames} frames; {done} were there']
    slow = sum(1 for outcome in written if outcome.repeated)
    if slow:
        lines.append(
            f'{slow} of them have fewer frames a second: '
            f'{sum(outcome.repeated for outcome in written)} frames are repeated, with '
            'no flow between them (--fps 0 takes each frame once)'
        )
    return '\n'.join([*lines, *describe_skipped(outcomes, root)])


def describe_skipped(outcomes: Sequence[Outcome], root: Path) -> list[str]:
    """Describe which videos were skipped.

    Args:
        outcomes (Sequence[Outcome]): What became of the videos.
        root (Path): Folder of the videos.

    Returns:
        list[str]: Lines; none if none was.
    """
    skipped = [outcome for outcome in outcomes if outcome.error]
    if not skipped:
        return []
    lines = [f'unreadable videos, skipped: {len(skipped)}']
    lines += [
        f'  {outcome.job.video.relative_to(root)}: {outcome.error}'
        for outcome in skipped[:SHOWN]
    ]
    return lines + (['  ...'] if len(skipped) > SHOWN else [])


def write_unreadable(outcomes: Sequence[Outcome], out: Path, root: Path) -> None:
    """Write the list of skipped videos, or remove it if there are none.

    Args:
        outcomes (Sequence[Outcome]): What became of all videos that were not complete.
        out (Path): Folder to write to.
        root (Path): Folder of the videos.
    """
    rows = sorted(
        f'{outcome.job.video.relative_to(root).as_posix()}\t{outcome.error}\n'
        for outcome in outcomes
        if outcome.error
    )
    if rows:
        write_text(out / UNREADABLE, ''.join(rows))
    else:
        (out / UNREADABLE).unlink(missing_ok=True)
