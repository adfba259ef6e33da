# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Estimate what an extraction takes, from a few frames of a few videos."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import cv2
from flow_jobs import Job, Outcome, Settings, flow_images
from flow_videos import output_frames, read_frames, read_header

SAMPLE_FRAMES = 8
"""Frames of each sampled video."""
BLOCK = 4096
"""Files take whole blocks of the disk, of this size on nearly all file systems."""


class Estimate(NamedTuple):
    """What an extraction takes.

    Args:
        frames (int): Number of frames of all videos that can be opened.
        skipped (list[Outcome]): Videos that cannot.
        sampled (int): How many videos the following was measured on.
        seconds (float): Of one process for a frame and its flow.
        space (float): Bytes of a frame and its flow on the disk.
    """

    frames: int
    skipped: list[Outcome]
    sampled: int
    seconds: float
    space: float

    def describe(self, workers: int, out: Path) -> str:
        """Return it in words.

        Args:
            workers (int): Number of processes.
            out (Path): Folder to write to, which need not exist.

        Returns:
            str: Three lines.
        """
        busy = max(1, min(workers, available_cores()))
        hours = self.frames * self.seconds / busy / 3600
        existing = next(p for p in (out, *out.absolute().parents) if p.exists())
        free = shutil.disk_usage(existing).free
        return (
            f'frames: {self.frames}\n'
            f'time:   {_duration(hours)} ({1e3 * self.seconds:.1f} ms a frame on each '
            f'of {busy} cores; measured on {self.sampled} videos)\n'
            f'disk:   {_size(self.frames * self.space)} ({_size(self.space)} a frame; '
            f'{_size(free)} are free)'
        )


def _duration(hours: float) -> str:
    if hours >= 1:
        return f'{hours:.1f} h'
    return f'{60 * hours:.1f} min' if hours >= 1 / 60 else f'{3600 * hours:.1f} s'


def _size(space: float) -> str:
    for unit in ('B', 'KiB', 'MiB'):
        if space < 1024:
            return f'{space:.1f} {unit}'
        space /= 1024
    return f'{space:.1f} GiB'


def available_cores() -> int:
    """Return how many cores this process may use.

    Returns:
        int: The number.
    """
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def estimate(jobs: Sequence[Job], settings: Settings, sample: int) -> Estimate:
    """Estimate what an extraction takes; nothing is written.

    Args:
        jobs (Sequence[Job]): What is to be extracted.
        settings (Settings): Method, rate, size.
        sample (int): Number of videos, spread over all, of which the first frames are
            extracted.

    Returns:
        Estimate: Time and space.
    """
    frames, readable, skipped = 0, [], []
    for job in jobs:
        try:
            frames += output_frames(read_header(job.video), settings.fps)
            readable.append(job)
        except ValueError as error:
            skipped.append(Outcome(job, error=str(error)))
    step = max(1, -(-len(readable) // sample))
    found = [_measure(job, settings) for job in readable[::step]]
    measured = [item for item in found if item[0]]
    count = max(1, sum(item[0] for item in measured))
    seconds = sum(item[1] for item in measured) / count
    space = sum(item[2] for item in measured) / count
    return Estimate(frames, skipped, len(measured), seconds, space)


def _measure(job: Job, settings: Settings) -> tuple[int, float, int]:
    """Frames, seconds and bytes of the beginning of a video; no frames if it fails."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    begin, frames, space = time.perf_counter(), 0, 0
    try:
        source = read_frames(job.video, settings.fps, settings.short_side)
        for *images, _ in flow_images(islice(source, SAMPLE_FRAMES + 1), settings):
            frames += 1
            space += sum(-(-len(data) // BLOCK) * BLOCK for data in images)
    except (ValueError, cv2.error):
        return 0, 0.0, 0
    finally:
        cv2.setNumThreads(threads)
    # Of n frames, n - 1 flows are computed.
    return frames, (time.perf_counter() - begin) * frames / max(frames - 1, 1), space
