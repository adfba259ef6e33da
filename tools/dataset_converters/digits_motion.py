# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Compose clips of a moving digit, of which no single frame tells the direction.

The digit moves evenly over a background that stays, and what leaves the image on one
side comes back on the other. It starts anywhere, every place as likely as any other. So
at any time it is anywhere, every place as likely as any other, whatever its direction:
only from two frames or more can that be told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from digits_scene import (
    THUMBNAIL_LIGHT,
    Digits,
    choose_ink,
    draw_background,
    render_ink,
)

DIRECTIONS = (
    'right',
    'down_right',
    'down',
    'down_left',
    'left',
    'up_left',
    'up',
    'up_right',
)
"""Classes, each an eighth of a turn from the one before."""
SPEED = (2.0, 4.0)
"""Least and greatest speed, in pixels a frame."""
CLIP_INK = (0.28, 0.44)
"""Least and greatest height of the digit, as a share of the clip's side."""


@dataclass(frozen=True)
class Clip:
    """A clip of a moving digit.

    Args:
        pixels (numpy.ndarray): RGB, *(T, H, W, 3)*, uint8.
        background (numpy.ndarray): The same without the digit, *(H, W, 3)*.
        places (numpy.ndarray): Left and top of the digit in each frame, in pixels,
            *(T, 2)*, within the image.
        velocity (numpy.ndarray): In pixels a frame, to the right and down, *(2,)*.
        shape (tuple[int, int]): Height and width of the digit.
        scan (int): Number of its scan.
    """

    pixels: np.ndarray
    background: np.ndarray
    places: np.ndarray
    velocity: np.ndarray
    shape: tuple[int, int]
    scan: int


def draw_frame(
    background: np.ndarray, alpha: np.ndarray, ink: np.ndarray, place: np.ndarray
) -> np.ndarray:
    """Draw a digit anywhere; what is beyond one side comes in at the other.

    Args:
        background (numpy.ndarray): RGB, *(H, W, 3)*, uint8.
        alpha (numpy.ndarray): Opacity of the digit, *(h, w)*, no larger.
        ink (numpy.ndarray): RGB, *(3,)*.
        place (numpy.ndarray): Left and top, in pixels and parts of them, *(2,)*.

    Returns:
        numpy.ndarray: The frame, *(H, W, 3)*, uint8.
    """
    opacity = np.zeros(background.shape[:2])
    opacity[: alpha.shape[0], : alpha.shape[1]] = alpha
    for axis, offset in ((1, place[0]), (0, place[1])):
        whole = int(np.floor(offset))
        part = offset - whole
        near, far = (np.roll(opacity, whole + step, axis) for step in (0, 1))
        opacity = (1 - part) * near + part * far
    blended = background + (ink - background) * opacity[..., None]
    return np.rint(blended).astype(np.uint8)


def compose_clip(
    digits: Digits, direction: int, size: int, frames: int, rng: np.random.Generator
) -> Clip:
    """Compose a clip of a digit that moves.

    Light ink on dark ground, as for single digits: with ink of either kind a small
    network of RGB frames stays at chance in a short training.

    Args:
        digits (Digits): Scans to choose from.
        direction (int): Index of the direction. Nothing else depends on it.
        size (int): Height and width in pixels.
        frames (int): Number of frames.
        rng (numpy.random.Generator): Random numbers.

    Returns:
        Clip: The clip.
    """
    background = draw_background((size, size), rng, THUMBNAIL_LIGHT)
    index = rng.integers(len(digits))
    low, high = CLIP_INK
    alpha = render_ink(digits.images[index], round(size * rng.uniform(low, high)))
    # It stands out wherever it goes.
    ink = choose_ink(background, rng, dark=False)
    start = rng.uniform(0, size, 2)
    angle = direction * 2 * np.pi / len(DIRECTIONS)
    velocity = rng.uniform(*SPEED) * np.array([np.cos(angle), np.sin(angle)])
    places = (start + np.arange(frames)[:, None] * velocity) % size
    pixels = np.stack([draw_frame(background, alpha, ink, place) for place in places])
    scan = int(digits.scans[index])
    return Clip(pixels, background, places, velocity, alpha.shape, scan)
