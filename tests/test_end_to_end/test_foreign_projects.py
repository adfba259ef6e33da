# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Projects as newcomers have them become distillations of five lines."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

HERE = Path(__file__).resolve().parent
SIDE = 64


def _noise(path: Path, rng: np.random.Generator, size: int = SIDE) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = rng.integers(0, 120, (size, size, 3), dtype=np.uint8)
    pixels[16:48, 12:44] = 220
    Image.fromarray(pixels[:size, :size]).save(path)
    return pixels


def balloons(data: Path, rng: np.random.Generator) -> None:
    """Images with a box each, in COCO's format."""
    for split in ('train', 'val'):
        names = [f'{index}.jpg' for index in range(4)]
        for name in names:
            _noise(data / split / name, rng)
        sizes = dict(height=SIDE, width=SIDE)
        box = dict(category_id=1, bbox=[12, 16, 32, 32], area=1024, iscrowd=0)
        content = dict(
            images=[dict(sizes, id=i, file_name=n) for i, n in enumerate(names)],
            annotations=[dict(box, id=i + 1, image_id=i) for i in range(len(names))],
            categories=[dict(id=1, name='balloon')],
        )
        (data / split / 'balloons.json').write_text(json.dumps(content))


def flowers(data: Path, rng: np.random.Generator) -> None:
    """Images in a folder for each class."""
    for split in ('train', 'val'):
        for index in range(8):
            kind = ('daisy', 'rose', 'tulip')[index % 3]
            _noise(data / split / kind / f'{index}.jpg', rng)


def actions(data: Path, rng: np.random.Generator) -> None:
    """Videos as folders of frames, in lists."""
    for split in ('train', 'val'):
        lines = []
        for index in range(4):
            folder = data / 'frames' / f'{split}_{index}'
            for frame in range(8):
                _noise(folder / f'img_{frame + 1:05}.jpg', rng, 48)
            lines.append(f'{folder.name} 8 {index % 2}')
        (data / f'{split}.txt').write_text('\n'.join(lines) + '\n')


def lines_of(config: Path) -> list[str]:
    """The statements of a config: its lines as a newcomer would write them."""
    return [ast.unparse(node) for node in ast.parse(config.read_text()).body]


@pytest.mark.parametrize('write', [balloons, flowers, actions])
def test_five_lines_make_a_distillation(write, run, tools, tmp_path):
    project = tmp_path / write.__name__
    shutil.copytree(HERE / 'foreign' / write.__name__, project)
    write(project / 'data', np.random.default_rng(0))
    config = project / 'distilled.py'
    assert len(lines_of(config)) <= 5
    words = [sys.executable, tools / 'train.py', config.name]
    words += ['--cfg-options', 'default_hooks.export.type=dynkd.ExportHook']
    done = subprocess.run(
        list(map(str, words)),
        cwd=project,
        capture_output=True,
        text=True,
        env=own_environment(),
    )
    assert done.returncode == 0, done.stderr[-5000:]
    work_dir = project / 'work_dirs' / 'distilled'
    (log,) = work_dir.glob('*/*.log')
    check_log(log.read_text(), done.stdout + done.stderr, config)
    for stream in ('teacher', 'student'):
        state = torch.load(work_dir / f'{stream}.pth', weights_only=True)['state_dict']
        assert all(torch.isfinite(value).all() for value in state.values())
        plain = Config.fromfile(work_dir / f'{stream}.py')
        assert 'dynkd' not in plain.pretty_text


def own_environment() -> dict[str, str]:
    """The environment of a process that finds the project's package."""
    path = os.pathsep.join([str(HERE.parents[1]), os.environ.get('PYTHONPATH', '')])
    return dict(os.environ, CUDA_VISIBLE_DEVICES='', PYTHONPATH=path)


def check_log(log: str, screen: str, config: Path) -> None:
    """Each transfer is there, the project's own hooks act, and the screen is short."""
    for name in ('loss_dkd_emd', 'loss_dkd_kld_student', 'loss_dkd_kld_teacher'):
        assert f'{name}: ' in log
    for hook in Config.fromfile(config).get('custom_hooks') or ():
        assert hook['type'] in log
    assert 'does not act' not in screen
    assert 'The stream `teacher` teaches `student` and has no `checkpoint`' in screen
    assert 'System environment' in log and 'System environment' not in screen
    assert 'pkg_resources' not in screen
    first = next(i for i, line in enumerate(screen.splitlines()) if 'Epoch(' in line)
    assert first < 60
    assert 'Weights of `student` at the end' in screen
