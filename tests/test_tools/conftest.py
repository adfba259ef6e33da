# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tools, imported as they import their own modules, and logs and videos for them."""

import importlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Callable

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


@pytest.fixture(scope='module')
def import_tool() -> Iterator[Callable[[str], ModuleType]]:
    """Import tools by their paths; afterwards they are forgotten.

    A tool's folder stands first in ``sys.path``, as when the tool is run.
    """
    modules, paths = set(sys.modules), list(sys.path)

    def load(path: str) -> ModuleType:
        file = TOOLS / path
        sys.path.insert(0, str(file.parent))
        return importlib.import_module(file.name)

    yield load
    sys.path[:] = paths
    for name in set(sys.modules) - modules:
        file = getattr(sys.modules[name], '__file__', None)
        if file and TOOLS in Path(file).parents:
            del sys.modules[name]


@pytest.fixture(scope='module')
def import_converter(
    import_tool: Callable[[str], ModuleType],
) -> Callable[[str], ModuleType]:
    """Import converters of data sets by their names."""
    return lambda name: import_tool(f'dataset_converters/{name}')


@pytest.fixture
def write_log(tmp_path: Path) -> Callable[..., Path]:
    """Write the log of a run and return its work directory."""

    def write(
        name: str, records: Sequence[dict], timestamp: str = '20260101_000000'
    ) -> Path:
        path = tmp_path / name / timestamp / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text('\n'.join(map(json.dumps, records)))
        return tmp_path / name

    return write


@pytest.fixture(scope='session')
def write_run() -> Callable[[Path, Sequence[dict]], None]:
    """Write what a finished run leaves: its log, a record per epoch, and the name of
    its last checkpoint."""

    def write(folder: Path, metrics: Sequence[dict]) -> None:
        path = folder / '20260101_000000' / 'vis_data' / 'scalars.json'
        path.parent.mkdir(parents=True)
        records = [dict(own, step=step) for step, own in enumerate(metrics, 1)]
        path.write_text('\n'.join(map(json.dumps, records)))
        (folder / 'epoch_2.pth').touch()
        (folder / 'last_checkpoint').write_text(f'{folder}/epoch_2.pth\n')

    return write


@pytest.fixture(scope='session')
def content() -> Callable[[Path], dict[str, bytes]]:
    """Read the files of a folder, by their paths in it."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob('*')
            if path.is_file()
        }

    return read


@pytest.fixture(scope='session')
def write_video() -> Callable[..., None]:
    """Write frames without loss, so that what is read is what was written."""

    def write(path: Path, frames: Iterable[np.ndarray], fps: float = 25.0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = list(frames)
        height, width = frames[0].shape[:2]
        codec = cv2.VideoWriter_fourcc(*'FFV1')
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, codec, fps, (width, height))
        assert writer.isOpened()
        for frame in frames:
            writer.write(frame)
        writer.release()

    return write


@pytest.fixture(scope='session')
def moving() -> Callable[..., Iterator[np.ndarray]]:
    """A texture that moves u pixels a frame to the right and v downwards."""

    def make(
        u: int,
        v: int,
        frames: int = 5,
        height: int = 48,
        width: int = 64,
        channels: int = 3,
    ) -> Iterator[np.ndarray]:
        margin = frames * max(abs(u), abs(v), 1)
        shape = (height + 2 * margin, width + 2 * margin, channels)
        noise = np.random.RandomState(0).rand(*shape)
        smooth = cv2.GaussianBlur(noise, (0, 0), 2)
        whole = (smooth - smooth.min()) / np.ptp(smooth) * 255
        whole = np.rint(whole).astype(np.uint8).squeeze()
        for index in range(frames):
            top, left = margin - index * v, margin - index * u
            yield np.ascontiguousarray(whole[top : top + height, left : left + width])

    return make


@pytest.fixture(scope='session')
def write_classifiers(classifier: Callable[..., dict]) -> Callable[..., None]:
    """Write images of classes, and two models of 8 and 4 channels that read them.

    Each model is a config, `wide.py` and `thin.py`, and a checkpoint beside it.
    """

    def write(
        folder: Path,
        images: Sequence[np.ndarray],
        labels: Sequence[int],
        **settings: Any,
    ) -> None:
        for index, (image, label) in enumerate(zip(images, labels)):
            path = folder / 'images' / f'class{label}' / f'{index}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), image)
        loader = dict(
            batch_size=2,
            num_workers=0,
            dataset=dict(
                type='CustomDataset',
                data_root=str(folder / 'images'),
                pipeline=[dict(type='LoadImageFromFile'), dict(type='PackInputs')],
            ),
            sampler=dict(type='DefaultSampler', shuffle=False),
        )
        for name, width in (('wide', 8), ('thin', 4)):
            torch.manual_seed(width)
            cfg = dict(default_scope='mmpretrain', model=classifier(width=width))
            cfg.update(settings)
            Config(dict(cfg, val_dataloader=loader)).dump(str(folder / f'{name}.py'))
            with DefaultScope.overwrite_default_scope('mmpretrain'):
                model = MODELS.build(cfg['model'])
            model.init_weights()
            torch.save(dict(state_dict=model.state_dict()), folder / f'{name}.pth')

    return write


@pytest.fixture(scope='session')
def write_distillation() -> Callable[..., list[str]]:
    """Write a distillation of the models of `write_classifiers`, which lie in a folder:
    `distillation.py`, and a checkpoint of a run whose streams have their weights."""

    def write(folder: Path, frozen: bool = False) -> list[str]:
        state = {}
        streams = {}
        for name, file in (('student', 'thin'), ('teacher', 'wide')):
            weights = torch.load(folder / f'{file}.pth')['state_dict']
            streams[name] = dict(config=str(folder / f'{file}.py'))
            state.update({f'streams.{name}.{k}': v for k, v in weights.items()})
        if frozen:
            streams['teacher'].update(frozen=True, checkpoint=str(folder / 'wide.pth'))
            state = {k: v for k, v in state.items() if 'teacher' not in k}
        files = [str(folder / f'distillation{int(frozen)}.{n}') for n in ('py', 'pth')]
        model = dict(type='dynkd.Distillation', streams=streams)
        Config(dict(default_scope='mmpretrain', model=model)).dump(files[0])
        torch.save(dict(state_dict=state), files[1])
        return files

    return write
