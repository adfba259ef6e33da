# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Clips with a motion that is known, as raw frames and as videos."""

from pathlib import Path
from typing import Callable

import cv2
import numpy as np
import pytest

#: Of the files that lose nothing.
IMAGES, FLOWS = 'img_{:05}.png', 'flow_{}_{:05}.png'


@pytest.fixture(scope='session')
def moving() -> Callable[..., list[np.ndarray]]:
    """Frames of a texture that moves by whole pixels, (u, v) from frame to frame."""

    def make(
        count: int, height: int = 48, width: int = 65, u: int = 2, v: int = 1
    ) -> list[np.ndarray]:
        margin = count * max(abs(u), abs(v), 1)
        shape = (height + 2 * margin, width + 2 * margin, 3)
        noise = np.random.RandomState(3).rand(*shape).astype(np.float32)
        noise = cv2.GaussianBlur(noise, (0, 0), 2)
        texture = cv2.normalize(noise, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
        frames = []
        for index in range(count):
            top, left = margin - index * v, margin - index * u
            part = texture[top : top + height, left : left + width]
            frames.append(np.ascontiguousarray(part))
        return frames

    return make


@pytest.fixture(scope='session')
def write_raw() -> Callable[..., None]:
    """Write RGB frames, and stored flow of shape (H, W, 2), as raw frames from 1."""

    def write(
        folder: Path,
        frames: list[np.ndarray],
        flows: list[np.ndarray],
        images: str = IMAGES,
        files: str = FLOWS,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for number, frame in enumerate(frames, 1):
            cv2.imwrite(str(folder / images.format(number)), frame[..., ::-1])
        for number, flow in enumerate(flows, 1):
            for part, axis in enumerate('xy'):
                path = folder / files.format(axis, number)
                cv2.imwrite(str(path), np.ascontiguousarray(flow[..., part]))

    return write


@pytest.fixture(scope='session')
def write_video() -> Callable[[Path, list[np.ndarray]], None]:
    """Write RGB frames as a video."""

    def write(path: Path, frames: list[np.ndarray]) -> None:
        size = frames[0].shape[1::-1]
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 25, size)
        for frame in frames:
            writer.write(np.ascontiguousarray(frame[..., ::-1]))
        writer.release()

    return write


@pytest.fixture(scope='session')
def numbered() -> Callable[..., list[np.ndarray]]:
    """Flows that say which they are: u is 100 + number from 1, v is 50 + number."""

    def make(count: int, height: int = 12, width: int = 17) -> list[np.ndarray]:
        return [
            np.full((height, width, 2), (100 + number, 50 + number), np.uint8)
            for number in range(1, count + 1)
        ]

    return make


@pytest.fixture
def sample() -> Callable[..., dict]:
    """Results of MMAction2's data sets for a folder of raw frames."""

    def make(folder: Path, total: int, indices: list[int], **more: int) -> dict:
        return dict(
            frame_dir=str(folder),
            filename_tmpl=IMAGES,
            total_frames=total,
            start_index=1,
            modality='RGB',
            frame_inds=np.array(indices, np.int32),
            num_clips=1,
            clip_len=len(indices),
            label=1,
            **more,
        )

    return make
