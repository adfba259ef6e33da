# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Write images of handwritten digits as COCO, as masks and as class folders."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from digits_scene import CLASSES, Digits, Scene, compose_scene, compose_thumbnail
from PIL import Image

FORMATS = dict(det=1, seg=1, cls=2, video=1)
"""Raised whenever the same arguments would give other files."""
COPIES = dict(train=4, val=1)
"""How often each scan is drawn for classification, each time in other colours."""
PALETTE = (
    (0, 0, 0),
    (230, 25, 75),
    (60, 180, 75),
    (255, 225, 25),
    (0, 130, 200),
    (245, 130, 48),
    (145, 30, 180),
    (70, 240, 240),
    (240, 50, 230),
    (210, 245, 60),
    (250, 190, 212),
)
"""Colours of the background and of the digits in masks, for who looks at them."""
SPLITS = ('train', 'val')
VAL_SHARE = 0.2
MIN_SIDE = 80
MIN_CLIP_SIDE = 64
"""Decord cannot read videos of 48x48."""
MIN_FRAMES = 2


@dataclass(frozen=True)
class Settings:
    """What determines the data, byte for byte.

    Args:
        train (int): Number of training scenes. Defaults to 400.
        val (int): Number of validation scenes. Defaults to 100.
        size (tuple[int, int]): Height and width of a scene in pixels. Defaults to
            (160, 160).
        seed (int): Seed of everything random. Defaults to 0.
        clips (tuple[int, int]): Number of videos for training and for validation.
            Defaults to (192, 96).
        frames (int): Frames of a video. Defaults to 20.
        clip_size (int): Height and width of a video in pixels. Defaults to 64.
    """

    train: int = 400
    val: int = 100
    size: tuple[int, int] = (160, 160)
    seed: int = 0
    clips: tuple[int, int] = (192, 96)
    frames: int = 20
    clip_size: int = 64

    def __post_init__(self) -> None:
        for name in SPLITS:
            if getattr(self, name) < 1:
                raise ValueError(f'{name} must be at least 1 scene')
        if min(self.size) < MIN_SIDE:
            raise ValueError(
                f'size {self.size} is too small: both sides must be at least '
                f'{MIN_SIDE} pixels, so that the digits fit in'
            )
        if self.seed < 0:
            raise ValueError(f'seed must not be negative, but is {self.seed}')
        if min(self.clips) < 1:
            raise ValueError(f'clips must be at least 1, but are {self.clips}')
        if self.frames < MIN_FRAMES:
            raise ValueError(
                f'frames must be at least {MIN_FRAMES}, so that something moves, but '
                f'are {self.frames}'
            )
        if self.clip_size < MIN_CLIP_SIDE or self.clip_size % 2:
            raise ValueError(
                f'clip size must be even and at least {MIN_CLIP_SIDE} pixels, but is '
                f'{self.clip_size}'
            )

    def generator(self, *place: int) -> np.random.Generator:
        """Return random numbers for one place, whatever was drawn elsewhere.

        Args:
            *place (int): Numbers that name it: task, split, index.

        Returns:
            numpy.random.Generator: The generator.
        """
        sequence = np.random.SeedSequence(self.seed, spawn_key=place)
        return np.random.Generator(np.random.PCG64(sequence))

    def manifest(self, task: str) -> dict:
        """Return what the data set's manifest says.

        Args:
            task (str): ``det``, ``seg``, ``cls`` or ``video``, each with the settings
                that matter to it.

        Returns:
            dict: Values that JSON keeps as they are.
        """
        manifest = dict(format=FORMATS[task], task=task, seed=self.seed)
        if task in ('det', 'seg'):
            manifest.update(train=self.train, val=self.val, size=list(self.size))
        if task == 'video':
            clips, size = list(self.clips), self.clip_size
            manifest.update(clips=clips, frames=self.frames, clip_size=size)
        return manifest


def split_digits(digits: Digits, settings: Settings) -> dict[str, Digits]:
    """Divide the scans between the splits, each class by itself.

    Args:
        digits (Digits): All scans.
        settings (Settings): Their seed decides.

    Returns:
        dict[str, Digits]: ``train`` and ``val``, with no scan in both.
    """
    chosen: dict[str, list[np.ndarray]] = {split: [] for split in SPLITS}
    rng = settings.generator(0)
    for label in range(len(CLASSES)):
        places = rng.permutation(np.flatnonzero(digits.labels == label))
        count = round(len(places) * VAL_SHARE)
        chosen['val'].append(places[:count])
        chosen['train'].append(places[count:])
    return {name: digits[np.sort(np.concatenate(p))] for name, p in chosen.items()}


def scenes(digits: Digits, settings: Settings, split: str) -> Iterator[Scene]:
    """Compose the scenes of a split.

    Args:
        digits (Digits): The scans of the split.
        settings (Settings): Number and size of scenes, seed.
        split (str): ``train`` or ``val``.

    Yields:
        Scene: One scene after the other.
    """
    for index in range(getattr(settings, split)):
        rng = settings.generator(1, SPLITS.index(split), index)
        yield compose_scene(digits, settings.size, rng)


def save_json(content: dict, path: Path) -> None:
    """Write JSON.

    Args:
        content (dict): What to write.
        path (Path): The file.
    """
    path.write_text(json.dumps(content, indent=1) + '\n', encoding='utf-8')


def write_det(folder: Path, parts: dict[str, Digits], settings: Settings) -> None:
    """Write the detection data: scenes and COCO annotations.

    Args:
        folder (Path): An empty folder.
        parts (dict[str, Digits]): Scans by split.
        settings (Settings): What determines the data.
    """
    (folder / 'annotations').mkdir()
    for split in SPLITS:
        (folder / split).mkdir()
        images, annotations = [], []
        for index, scene in enumerate(scenes(parts[split], settings, split)):
            name = f'{index:06d}.png'
            Image.fromarray(scene.pixels).save(folder / split / name)
            height, width = settings.size
            images.append(
                dict(id=index + 1, file_name=name, height=height, width=width)
            )
            for item in scene.items:
                x, y, w, h = item.box
                annotations.append(
                    dict(
                        id=len(annotations) + 1,
                        image_id=index + 1,
                        category_id=item.label + 1,
                        bbox=[x, y, w, h],
                        area=w * h,
                        iscrowd=0,
                        scan=item.scan,
                    )
                )
        content = dict(
            info=dict(description='Handwritten digits on textured backgrounds'),
            images=images,
            annotations=annotations,
            categories=[dict(id=i + 1, name=name) for i, name in enumerate(CLASSES)],
        )
        save_json(content, folder / 'annotations' / f'{split}.json')


def write_seg(folder: Path, parts: dict[str, Digits], settings: Settings) -> None:
    """Write the segmentation data: the scenes of ``det``, and the class of each pixel.

    Args:
        folder (Path): An empty folder.
        parts (dict[str, Digits]): Scans by split.
        settings (Settings): What determines the data.
    """
    for split in SPLITS:
        images, masks = folder / 'images' / split, folder / 'masks' / split
        for place in (images, masks):
            place.mkdir(parents=True)
        for index, scene in enumerate(scenes(parts[split], settings, split)):
            name = f'{index:06d}.png'
            Image.fromarray(scene.pixels).save(images / name)
            mask = Image.fromarray(scene.mask)
            # Indices into colours: readers see classes, and viewers colours.
            mask.putpalette([value for colour in PALETTE for value in colour])
            mask.save(masks / name)


def write_cls(folder: Path, parts: dict[str, Digits], settings: Settings) -> None:
    """Write the classification data: a folder for each class.

    Args:
        folder (Path): An empty folder.
        parts (dict[str, Digits]): Scans by split.
        settings (Settings): What determines the data.
    """
    for number, split in enumerate(SPLITS):
        for name in CLASSES:
            (folder / split / name).mkdir(parents=True)
        digits = parts[split]
        for place, (label, scan) in enumerate(zip(digits.labels, digits.scans)):
            for copy in range(COPIES[split]):
                rng = settings.generator(2, number, place, copy)
                pixels = compose_thumbnail(digits.images[place], rng)
                path = folder / split / CLASSES[label] / f'{scan:04d}_{copy}.png'
                Image.fromarray(pixels).save(path)
