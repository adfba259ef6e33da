# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Read videos at a certain rate and size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

#: What counts as a video where no list says so.
SUFFIXES = frozenset('.avi .flv .m4v .mkv .mov .mp4 .mpeg .mpg .ogv .webm .wmv'.split())
#: Headers that say more have none.
MAX_FPS = 1000
#: So that rounding of a ratio of rates leaves out no frame.
_EPSILON = 1e-6


class UnreadableVideo(ValueError):
    """A video that cannot be decoded; says why."""


class Header(NamedTuple):
    """What a video says of itself.

    Args:
        fps (float): Frames a second.
        frames (int): Number of frames; an estimate.
        height (int): In pixels.
        width (int): In pixels.
    """

    fps: float
    frames: int
    height: int
    width: int


def open_video(path: Path) -> cv2.VideoCapture:
    """Open a video.

    Args:
        path (Path): The file.

    Returns:
        cv2.VideoCapture: To be released.

    Raises:
        UnreadableVideo: If it cannot be opened.
    """
    if not path.is_file():
        raise UnreadableVideo('there is no such file')
    # Several processes decode, each on one thread.
    options = [cv2.CAP_PROP_N_THREADS, 1]
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, options)
    if not capture.isOpened():
        raise UnreadableVideo('it cannot be opened as a video')
    return capture


def read_header(path: Path) -> Header:
    """Read what a video says of itself.

    Args:
        path (Path): The file.

    Returns:
        Header: Its rate, length and size.

    Raises:
        UnreadableVideo: If it cannot be opened.
    """
    capture = open_video(path)
    try:
        return Header(
            capture.get(cv2.CAP_PROP_FPS),
            int(capture.get(cv2.CAP_PROP_FRAME_COUNT)),
            int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        )
    finally:
        capture.release()


def output_frames(header: Header, fps: float) -> int:
    """Return how many frames a video gives at another rate.

    Args:
        header (Header): What it says of itself.
        fps (float): The rate; 0 keeps the video's.

    Returns:
        int: The number, if the video is as long as it says.

    Raises:
        UnreadableVideo: If it does not say its rate.
    """
    step = _step(header.fps, fps)
    return math.ceil((max(header.frames, 0) - _EPSILON) / step)


def _step(source: float, fps: float) -> float:
    """Frames of a video for each one that is given."""
    if not fps:
        return 1.0
    if not 0 < source <= MAX_FPS:
        raise UnreadableVideo(
            f'its header has no usable rate ({source:g} frames a second); --fps 0 '
            'takes its frames as they are'
        )
    return source / fps


def scaled_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """Return the size of frames of which the short side is given.

    Args:
        height (int): Of the video, in pixels.
        width (int): Of the video, in pixels.
        short_side (int): In pixels; 0 keeps the video's size.

    Returns:
        tuple[int, int]: Height and width, in the proportion that the video has.
    """
    if not short_side:
        return height, width
    scale = short_side / min(height, width)
    return max(round(height * scale), 1), max(round(width * scale), 1)


def _resize(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if frame.shape[:2] == size:
        return frame
    smaller = size[0] * size[1] < frame.shape[0] * frame.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(frame, size[::-1], interpolation=way)


def read_frames(
    path: Path, fps: float = 25.0, short_side: int = 256
) -> Iterator[np.ndarray]:
    """Read a video at a certain rate and size.

    Frame k is the one that the video shows at k / fps seconds, if its rate does not
    vary. So frames of a faster video are left out, and those of a slower one repeated.

    Args:
        path (Path): The file.
        fps (float): Frames a second; 0 takes all frames as they are. Defaults to 25.
        short_side (int): Height or width, whichever is smaller, in pixels; 0 keeps the
            size of the first frame. Defaults to 256.

    Yields:
        np.ndarray: BGR, uint8, of shape (H, W, 3), all of one size. A frame that is
        repeated is the same object.

    Raises:
        UnreadableVideo: If there is no such video, it has no rate, or no frame of it
            can be decoded.
    """
    capture = open_video(path)
    try:
        step = _step(capture.get(cv2.CAP_PROP_FPS), fps)
        size = None
        place = given = 0
        while capture.grab():
            if math.floor(given * step + _EPSILON) == place:
                ok, frame = capture.retrieve()
                if not ok:
                    break
                if size is None:
                    size = scaled_size(*frame.shape[:2], short_side)
                frame = _resize(frame, size)
            while math.floor(given * step + _EPSILON) == place:
                yield frame
                given += 1
            place += 1
    finally:
        capture.release()
    if not given:
        raise UnreadableVideo('no frame of it can be decoded')
