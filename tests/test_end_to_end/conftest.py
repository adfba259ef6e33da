# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tiny data on disk, and the command-line tools run as a user runs them."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CLASSES = ('square', 'wide', 'tall')
SHAPES = dict(square=(20, 20), wide=(40, 12), tall=(12, 40))
SIDE = 64
COUNTS = dict(train=12, val=6)


def _scene(
    rng: np.random.Generator, index: int
) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """Noise with one to three bright boxes, the class of each pixel (0 is the noise),
    and the annotations of the boxes."""
    pixels = rng.integers(0, 100, (SIDE, SIDE, 3), dtype=np.uint8)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    boxes = []
    for number in range(1 + index % 3):
        label = (index + number) % len(CLASSES)
        w, h = SHAPES[CLASSES[label]]
        x, y = (int(rng.integers(0, SIDE - side)) for side in (w, h))
        pixels[y : y + h, x : x + w] = 140 + 50 * label
        mask[y : y + h, x : x + w] = label + 1
        box = dict(category_id=label + 1, bbox=[x, y, w, h], area=w * h, iscrowd=0)
        boxes.append(box)
    return pixels, mask, boxes


def _write_split(root: Path, split: str, rng: np.random.Generator) -> None:
    """Write the images of a split, for detection and segmentation, and once more in
    class folders."""
    for folder in (root / split, root / f'masks_{split}'):
        folder.mkdir(parents=True)
    images, annotations = [], []
    for index in range(COUNTS[split]):
        pixels, mask, boxes = _scene(rng, index)
        name = f'{index:02d}.png'
        Image.fromarray(mask).save(root / f'masks_{split}' / name)
        folder = root / f'cls_{split}' / CLASSES[index % len(CLASSES)]
        folder.mkdir(parents=True, exist_ok=True)
        for path in (root / split / name, folder / name):
            Image.fromarray(pixels).save(path)
        images.append(dict(id=index, file_name=name, height=SIDE, width=SIDE))
        for box in boxes:
            annotations.append(dict(box, id=len(annotations) + 1, image_id=index))
    categories = [dict(id=i + 1, name=name) for i, name in enumerate(CLASSES)]
    content = dict(images=images, annotations=annotations, categories=categories)
    (root / f'{split}.json').write_text(json.dumps(content))


@pytest.fixture(scope='session')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of bright boxes on noise, for detection and classification."""
    root = tmp_path_factory.mktemp('data')
    rng = np.random.default_rng(0)
    for split in COUNTS:
        _write_split(root, split, rng)
    return root


@pytest.fixture(scope='session')
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Run a command in a process of its own and return it, finished.

    The first word is a Python file, or a shell script of ours. It runs in a folder
    that is not the repository's, so that nothing is found by luck.
    """
    folder = tmp_path_factory.mktemp('elsewhere')

    def run(*words: Any, status: int = 0, **env: str) -> subprocess.CompletedProcess:
        program = [] if str(words[0]).endswith('.sh') else [sys.executable]
        own = dict(
            os.environ,
            CUDA_VISIBLE_DEVICES='',
            E2E_DATA=str(data),
            PATH=f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}',
            PYTHONPATH=os.pathsep.join([str(HERE), str(ROOT)]),
            PORT=str(_free_port()),
        )
        done = subprocess.run(
            [*program, *map(str, words)],
            env=dict(own, **env),
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=300,
        )
        said = f'{done.stdout[-5000:]}\n{done.stderr[-20000:]}'
        assert done.returncode == status, f'{words}: {done.returncode}\n{said}'
        return done

    return run


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


@pytest.fixture(scope='session')
def configs() -> Path:
    """Folder of the configs of these tests."""
    return HERE / 'configs'


@pytest.fixture(scope='session')
def tools() -> Path:
    """Folder of our tools."""
    return ROOT / 'tools'


@pytest.fixture(scope='session')
def detection_run(run, tools, configs, tmp_path_factory) -> Path:
    """Work directory of a finished run of FCOS, with a frozen third stream."""
    work_dir = tmp_path_factory.mktemp('detection')
    run(tools / 'train.py', configs / 'fcos_pair.py', '--work-dir', work_dir)
    return work_dir


@pytest.fixture(scope='session')
def classification_run(run, tools, configs, tmp_path_factory) -> Path:
    """Work directory of a finished run of two processes, in two phases."""
    work_dir = tmp_path_factory.mktemp('classification')
    config = configs / 'resnet_phases.py'
    run(tools / 'dist_train.sh', config, 2, '--work-dir', work_dir)
    return work_dir
