# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Extract several videos at a time."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool

import cv2
from flow_jobs import Job, Outcome, Settings, extract


def quieten() -> None:
    """Keep what OpenCV and FFmpeg say of bad videos out of the progress bar."""
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


def start_worker() -> None:
    """Prepare a process: several of them shall not compute on all cores each."""
    cv2.setNumThreads(1)
    quieten()
    # Else it would wait for work forever where the one that started it was killed.
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _pool(workers: int) -> ProcessPoolExecutor:
    # A forked process can hang in OpenCV's threads, which it does not have.
    context = multiprocessing.get_context('spawn')
    return ProcessPoolExecutor(workers, context, initializer=start_worker)


def run(jobs: Iterable[Job], settings: Settings, workers: int) -> Iterator[Outcome]:
    """Extract videos, several at a time.

    A video that makes its process crash is skipped as unreadable, the others are not.

    Args:
        jobs (Iterable[Job]): Videos and folders.
        settings (Settings): Method, rate, size.
        workers (int): Number of processes; 0 works in this one.

    Yields:
        Outcome: What became of each, as soon as it is known.

    Raises:
        OSError: If something cannot be written.
    """
    if not workers:
        for job in jobs:
            yield extract(job, settings)
        return
    left = iter(jobs)
    suspects: list[Job] | None = []
    while suspects is not None:
        # Where a process of several crashes, all their videos are unfinished.
        for job in suspects:
            yield _extract_alone(job, settings)
        suspects = yield from _run_until_crash(left, settings, workers)


def _run_until_crash(
    left: Iterator[Job], settings: Settings, workers: int
) -> Iterator[Outcome]:
    """Work until all is done, and return None, or until a crash: unfinished jobs."""
    running: dict[Future, Job] = {}
    pool = _pool(workers)
    try:
        while True:
            while len(running) < workers and (job := next(left, None)) is not None:
                try:
                    running[pool.submit(extract, job, settings)] = job
                except BrokenProcessPool:
                    return [*running.values(), job]
            if not running:
                return None
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                if isinstance(future.exception(), BrokenProcessPool):
                    return list(running.values())
                del running[future]
                yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _extract_alone(job: Job, settings: Settings) -> Outcome:
    with _pool(1) as pool:
        try:
            return pool.submit(extract, job, settings).result()
        except BrokenProcessPool:
            return Outcome(job, error='decoding it crashes')
