# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Compose images of handwritten digits: textures, ink, places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

Box = tuple[int, int, int, int]

CLASSES = tuple(str(digit) for digit in range(10))
MAX_DIGITS = 6
INK_HEIGHT = (20, 64)
"""Smallest and largest height of a digit in a scene, in pixels."""
INK_SHARE = 0.4
"""Largest height of a digit as a share of the scene's shorter side."""
THUMBNAIL = 32
THUMBNAIL_INK = (20, 28)
THUMBNAIL_LIGHT = 0.6
"""How light the ground of a single digit may be, so that its ink is lighter."""
MAX_OVERLAP = 0.1
"""Largest part of the smaller of two boxes that the other may cover."""
MIN_CONTRAST = 0.25
"""Least difference of luminance (0 to 1) between ink and all that lies under it."""
MIN_ALPHA = 0.1
"""Fainter ink is left out, so that a box ends where ink can be seen."""
MASK_ALPHA = 0.5
"""Pixels that are at least so much ink are of the digit's class."""
PLACING_TRIES = 30
_LUMINANCE = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Digits:
    """Scans of handwritten digits.

    Args:
        images (numpy.ndarray): Ink from 0 to 255, *(N, 8, 8)*, uint8.
        labels (numpy.ndarray): Digits from 0 to 9, *(N,)*.
        scans (numpy.ndarray): Numbers of the scans in scikit-learn's set, *(N,)*.
    """

    images: np.ndarray
    labels: np.ndarray
    scans: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, places: np.ndarray) -> Digits:
        """Return some of the scans."""
        return Digits(self.images[places], self.labels[places], self.scans[places])


@dataclass(frozen=True)
class Item:
    """A digit in a scene.

    Args:
        label (int): The digit, 0 to 9.
        scan (int): Number of its scan.
        box (tuple[int, int, int, int]): Left, top, width and height of its ink, in
            pixels.
    """

    label: int
    scan: int
    box: Box


@dataclass(frozen=True)
class Scene:
    """An image with digits.

    Args:
        pixels (numpy.ndarray): RGB, *(H, W, 3)*, uint8.
        background (numpy.ndarray): The same without the digits.
        mask (numpy.ndarray): Class of each pixel, *(H, W)*, uint8: 0 is the background,
            1 the digit 0, and so on to 10.
        items (list[Item]): The digits, in the order in which they were drawn.
    """

    pixels: np.ndarray
    background: np.ndarray
    mask: np.ndarray
    items: list[Item]


def load_digits() -> Digits:
    """Load the scans that scikit-learn ships.

    Returns:
        Digits: All 1797 of them.

    Raises:
        ImportError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits as load
    except ImportError as error:
        raise ImportError(
            'the digits come with scikit-learn, which cannot be imported: '
            'pip install scikit-learn'
        ) from error
    data = load()
    images = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return Digits(images, data.target.astype(int), np.arange(len(images)))


def render_ink(image: np.ndarray, height: int) -> np.ndarray:
    """Enlarge a scan smoothly and cut it to its ink.

    Args:
        image (numpy.ndarray): The scan, *(8, 8)*, uint8.
        height (int): About the height that the ink shall have, in pixels.

    Returns:
        numpy.ndarray: Opacity from 0 to 1, *(h, w)*; ink touches all four sides.
    """
    padded = Image.fromarray(np.pad(image, 1))
    side = round(height * 10 / 8)
    smooth = np.asarray(padded.resize((side, side), Image.Resampling.BICUBIC))
    alpha = np.clip((smooth / 255 - 0.3) / 0.3, 0, 1)
    alpha[alpha < MIN_ALPHA] = 0
    rows, columns = np.nonzero(alpha)
    return alpha[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def _pattern(size: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Draw a pattern of gradients, stripes, checks or clouds, *size*, from 0 to 1."""
    height, width = size
    y, x = np.mgrid[:height, :width].astype(float)
    angle = rng.uniform(0, 2 * np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    kind = rng.integers(4)
    if kind == 0:
        pattern = (along - along.min()) / np.ptp(along)
    elif kind == 1:
        pattern = 0.5 + 0.5 * np.sin(along * (2 * np.pi / rng.uniform(8, 40)))
    elif kind == 2:
        side = rng.integers(8, 32)
        pattern = (x // side + y // side) % 2
    else:
        cells = rng.integers(3, 12)
        grid = Image.fromarray(rng.integers(0, 256, (cells, cells), dtype=np.uint8))
        cloud = grid.resize((width, height), Image.Resampling.BICUBIC)
        pattern = np.asarray(cloud) / 255
    return pattern


def draw_background(
    size: tuple[int, int], rng: np.random.Generator, light: float = 1.0
) -> np.ndarray:
    """Draw a textured background.

    Args:
        size (tuple[int, int]): Height and width in pixels.
        rng (numpy.random.Generator): Random numbers.
        light (float): How light it may be at most, up to 1. Defaults to 1.

    Returns:
        numpy.ndarray: RGB, *(H, W, 3)*, uint8. Its luminance spans less than
        ``1 - 2 * MIN_CONTRAST``, so that some ink stands out everywhere.
    """
    first = rng.uniform(0.1, 0.9, 3)
    second = first + rng.uniform(-0.2, 0.2, 3)
    pixels = first + (second - first) * _pattern(size, rng)[..., None]
    grain = rng.normal(0, rng.uniform(0, 0.03), (*size, 1))
    pixels = pixels + np.clip(grain, -0.08, 0.08)
    return np.rint(np.clip(pixels, 0, 1) * light * 255).astype(np.uint8)


def choose_ink(
    under: np.ndarray, rng: np.random.Generator, dark: bool = True
) -> np.ndarray:
    """Choose a colour that stands out.

    Args:
        under (numpy.ndarray): The background there, *(h, w, 3)*, uint8.
        rng (numpy.random.Generator): Random numbers.
        dark (bool): Whether it may be darker than the background. Defaults to True.

    Returns:
        numpy.ndarray: RGB from 0 to 255, *(3,)*.
    """
    luminance = under @ _LUMINANCE / 255
    colours = rng.uniform(0, 1, (64, 3))
    values = colours @ _LUMINANCE
    darker = (values <= luminance.min() - MIN_CONTRAST) & dark
    lighter = values >= luminance.max() + MIN_CONTRAST
    fitting = np.flatnonzero(darker | lighter)
    if len(fitting):
        return colours[fitting[0]] * 255
    black = dark and luminance.min() > 1 - luminance.max()
    return np.full(3, 0.0 if black else 255.0)


def paint(pixels: np.ndarray, alpha: np.ndarray, ink: np.ndarray, box: Box) -> None:
    """Blend a digit into an image.

    Args:
        pixels (numpy.ndarray): The image, *(H, W, 3)*, uint8; changed in place.
        alpha (numpy.ndarray): Opacity, *(h, w)*.
        ink (numpy.ndarray): RGB, *(3,)*.
        box (tuple[int, int, int, int]): Left, top, width, height.
    """
    x, y, w, h = box
    place = pixels[y : y + h, x : x + w]
    blended = place + (ink - place) * alpha[..., None]
    place[...] = np.rint(blended).astype(np.uint8)


def overlap(first: Box, second: Box) -> float:
    """Return how much of the smaller of two boxes the other covers.

    Args:
        first (tuple[int, int, int, int]): Left, top, width, height.
        second (tuple[int, int, int, int]): The same.

    Returns:
        float: From 0 to 1.
    """
    (x1, y1, w1, h1), (x2, y2, w2, h2) = first, second
    width = min(x1 + w1, x2 + w2) - max(x1, x2)
    height = min(y1 + h1, y2 + h2) - max(y1, y2)
    return max(width, 0) * max(height, 0) / min(w1 * h1, w2 * h2)


def _place(
    shape: tuple[int, int],
    size: tuple[int, int],
    taken: list[Box],
    rng: np.random.Generator,
) -> Box | None:
    """Find a place for a digit, a pixel from the border or more."""
    height, width = shape
    for _ in range(PLACING_TRIES):
        y = int(rng.integers(1, size[0] - height))
        x = int(rng.integers(1, size[1] - width))
        box = (x, y, width, height)
        if all(overlap(box, other) <= MAX_OVERLAP for other in taken):
            return box
    return None


def compose_scene(
    digits: Digits, size: tuple[int, int], rng: np.random.Generator
) -> Scene:
    """Compose a scene of 1 to 6 digits; one that finds no place is left out.

    Args:
        digits (Digits): Scans to choose from.
        size (tuple[int, int]): Height and width in pixels.
        rng (numpy.random.Generator): Random numbers.

    Returns:
        Scene: The scene.
    """
    background = draw_background(size, rng)
    pixels = background.copy()
    mask = np.zeros(size, np.uint8)
    items: list[Item] = []
    low, high = INK_HEIGHT[0], min(INK_HEIGHT[1], INK_SHARE * min(size))
    for _ in range(rng.integers(1, MAX_DIGITS + 1)):
        index = rng.integers(len(digits))
        height = round(np.exp(rng.uniform(np.log(low), np.log(high))))
        alpha = render_ink(digits.images[index], height)
        box = _place(alpha.shape, size, [item.box for item in items], rng)
        if box is None:
            continue
        x, y, w, h = box
        ink = choose_ink(background[y : y + h, x : x + w], rng)
        paint(pixels, alpha, ink, box)
        label = int(digits.labels[index])
        mask[y : y + h, x : x + w][alpha >= MASK_ALPHA] = label + 1
        items.append(Item(label, int(digits.scans[index]), box))
    return Scene(pixels, background, mask, items)


def compose_thumbnail(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Compose an image of one digit, as image classification has them.

    Light ink on dark ground: with ink of either kind a small network stays at chance
    for the first epochs of a short training.

    Args:
        image (numpy.ndarray): The scan, *(8, 8)*, uint8.
        rng (numpy.random.Generator): Random numbers.

    Returns:
        numpy.ndarray: RGB, *(32, 32, 3)*, uint8.
    """
    size = (THUMBNAIL, THUMBNAIL)
    pixels = draw_background(size, rng, THUMBNAIL_LIGHT)
    alpha = render_ink(image, int(rng.integers(*THUMBNAIL_INK, endpoint=True)))
    height, width = alpha.shape
    y = int(rng.integers(0, THUMBNAIL - height, endpoint=True))
    x = int(rng.integers(0, THUMBNAIL - width, endpoint=True))
    ink = choose_ink(pixels[y : y + height, x : x + width], rng, dark=False)
    paint(pixels, alpha, ink, (x, y, width, height))
    return pixels
