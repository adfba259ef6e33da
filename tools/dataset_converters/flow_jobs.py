# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Write frames and flow of a video."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from flow_videos import read_frames
from partial_folders import replacing

from dynkd.datasets.flow import check_flow_method, compute_flow, quantise_flow, to_grey

FORMAT = 1
"""Raised whenever the same settings would give other files."""
NAMES = ('img_{:05}.jpg', 'flow_x_{:05}.jpg', 'flow_y_{:05}.jpg')
"""MMAction2's names of raw frames, which count from 1."""
_OWN = re.compile(r'(img|flow_x|flow_y)_\d{5,}\.jpg')


@dataclass(frozen=True)
class Settings:
    """What determines the frames and the flow of a video.

    Args:
        method (str): What flow is computed by: ``tvl1``, ``dis`` or ``farneback``.
            Defaults to ``tvl1``.
        fps (float): Frames a second; 0 keeps the video's. Defaults to 25.
        short_side (int): Height or width, whichever is smaller, in pixels; 0 keeps the
            video's. Defaults to 256.
        quality (int): Of the JPEGs, 1 to 100. Defaults to 95.
    """

    method: str = 'tvl1'
    fps: float = 25.0
    short_side: int = 256
    quality: int = 95

    def __post_init__(self) -> None:
        check_flow_method(self.method)
        if not 0 <= self.fps < float('inf'):
            raise ValueError(f'fps must be 0 or more, but is {self.fps}')
        if self.short_side < 0:
            raise ValueError(f'short side must be 0 or more, but is {self.short_side}')
        if not 1 <= self.quality <= 100:
            raise ValueError(f'quality must be 1 to 100, but is {self.quality}')

    def manifest(self) -> dict:
        """Return what is written down beside the folders.

        Returns:
            dict: Values that JSON keeps as they are.
        """
        return dict(format=FORMAT, **asdict(self))


@dataclass(frozen=True)
class Job:
    """A video that is to be extracted.

    Args:
        video (Path): The file.
        folder (Path): Where its frames go.
        root (Path): The folder of all videos' frames, in which they are written first.
    """

    video: Path
    folder: Path
    root: Path


@dataclass(frozen=True)
class Outcome:
    """What became of a video.

    Args:
        job (Job): Which.
        frames (int): Number of its frames. Defaults to 0.
        repeated (int): How many of them repeat the one before. Defaults to 0.
        error (str): Why it was skipped; empty if it was not. Defaults to ''.
    """

    job: Job
    frames: int = 0
    repeated: int = 0
    error: str = ''


def encode(image: np.ndarray, quality: int) -> bytes:
    """Make a JPEG.

    Args:
        image (np.ndarray): uint8, of shape (H, W, 3), BGR, or (H, W).
        quality (int): From 1 to 100.

    Returns:
        bytes: The JPEG.

    Raises:
        ValueError: If the image is too large for one.
    """
    ok, data = cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError(f'{image.shape[0]}x{image.shape[1]} pixels fit into no JPEG')
    return data.tobytes()


def flow_images(frames: Iterable[np.ndarray], settings: Settings) -> Iterator[tuple]:
    """Compute JPEGs of frames and their flow.

    Flow i is that from frame i to frame i + 1. The last frame has the flow of the one
    before it, so that there is as much flow as there are frames; a single frame, which
    shows no motion, has none. A frame that repeats the one before did not move.

    Args:
        frames (Iterable[np.ndarray]): BGR, all of one size.
        settings (Settings): Method and quality.

    Yields:
        tuple[bytes, bytes, bytes, bool]: A frame, its u, its v, and whether the
        following frame repeats it.
    """
    previous = grey = None
    flow = (b'', b'')
    for frame in frames:
        if previous is None:
            previous, grey = frame, to_grey(frame, 'bgr')
            continue
        same = frame is previous
        following = grey if same else to_grey(frame, 'bgr')
        flow = _flow_jpegs(grey, following, settings, same)
        yield encode(previous, settings.quality), *flow, same
        previous, grey = frame, following
    if previous is not None:
        if not flow[0]:
            flow = _flow_jpegs(grey, grey, settings, same=True)
        yield encode(previous, settings.quality), *flow, False


def _flow_jpegs(
    grey: np.ndarray, following: np.ndarray, settings: Settings, same: bool
) -> tuple[bytes, bytes]:
    if same:
        flow = np.zeros((*grey.shape, 2), np.float32)
    else:
        flow = compute_flow(grey, following, settings.method)
    image = quantise_flow(flow)
    u, v = (encode(image[..., axis], settings.quality) for axis in (0, 1))
    return u, v


def count_frames(folder: Path) -> int:
    """Return the number of frames of a folder.

    Args:
        folder (Path): What ``extract`` wrote, or nothing.

    Returns:
        int: The number; 0 if a file is missing.

    Raises:
        FileExistsError: If it holds something that ``extract`` does not write.
    """
    if not folder.exists():
        return 0
    with os.scandir(folder) as entries:
        names = {entry.name for entry in entries}
    foreign = [name for name in sorted(names) if not _OWN.fullmatch(name)]
    if foreign:
        raise FileExistsError(
            f'{folder} holds {foreign[0]!r}, which this tool did not write: move it '
            'away or choose another folder'
        )
    count = len(names) // len(NAMES)
    expected = {name.format(i) for i in range(1, count + 1) for name in NAMES}
    return count if names == expected else 0


def extract(job: Job, settings: Settings) -> Outcome:
    """Write the frames and the flow of a video.

    They are written beside their place first and moved there when they are complete.

    Args:
        job (Job): Video and folder.
        settings (Settings): Method, rate, size.

    Returns:
        Outcome: What was written, or why nothing was.

    Raises:
        OSError: If it cannot be written.
    """
    frames = repeated = 0
    try:
        with replacing(job.folder, job.root) as partial:
            source = read_frames(job.video, settings.fps, settings.short_side)
            for *images, same in flow_images(source, settings):
                frames += 1
                repeated += same
                for name, data in zip(NAMES, images):
                    (partial / name.format(frames)).write_bytes(data)
    except (ValueError, cv2.error) as error:
        return Outcome(job, error=' '.join(str(error).split()))
    return Outcome(job, frames, repeated)
