# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Write moving digits as videos and MMAction2's lists of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from digits_formats import SPLITS, Settings
from digits_motion import DIRECTIONS, compose_clip
from digits_scene import Digits

FPS = 25
CODEC = 'FFV1'
"""Lossless: in others, what a frame keeps of those before it could tell the motion."""


def save_video(pixels: np.ndarray, path: Path) -> None:
    """Write a video, without loss.

    Args:
        pixels (numpy.ndarray): RGB, *(T, H, W, 3)*, uint8.
        path (Path): The file, whose suffix is that of its format.

    Raises:
        OSError: This OpenCV cannot write it.
    """
    height, width = pixels.shape[1:3]
    codec = cv2.VideoWriter_fourcc(*CODEC)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, FPS, (width, height))
    if not writer.isOpened():
        raise OSError(
            f'this OpenCV cannot write {path} ({CODEC}): install opencv-contrib-python '
            'from PyPI, which comes with FFmpeg'
        )
    for frame in pixels:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    if not path.is_file() or not path.stat().st_size:
        raise OSError(f'{path} could not be written')


def write_video(folder: Path, parts: dict[str, Digits], settings: Settings) -> None:
    """Write the data of action recognition: videos, and a list of each split's.

    Args:
        folder (Path): An empty folder.
        parts (dict[str, Digits]): Scans by split.
        settings (Settings): What determines the data.
    """
    for number, split in enumerate(SPLITS):
        for name in DIRECTIONS:
            (folder / split / name).mkdir(parents=True)
        lines = []
        for index in range(settings.clips[number]):
            label = index % len(DIRECTIONS)
            rng = settings.generator(3, number, index)
            clip = compose_clip(
                parts[split], label, settings.clip_size, settings.frames, rng
            )
            name = f'{split}/{DIRECTIONS[label]}/{index:06d}.mp4'
            save_video(clip.pixels, folder / name)
            lines.append(f'{name} {label}\n')
        (folder / f'{split}.txt').write_text(''.join(lines), encoding='utf-8')
    classes = ''.join(f'{name}\n' for name in DIRECTIONS)
    (folder / 'classes.txt').write_text(classes, encoding='utf-8')
