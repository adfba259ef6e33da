# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DKD between flow and RGB: trained, exported, and used by MMAction2."""

import importlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import CheckpointLoader
from PIL import Image

from dynkd.registry import MODELS

HERE = Path(__file__).resolve().parent
FRAMES, HEIGHT, WIDTH = 16, 96, 112
METRICS = {f'{name}/acc/top1' for name in ('student', 'teacher', 'fused')}


@pytest.fixture(scope='module')
def clips(data) -> Path:
    """Raw frames and flow of two videos of each of two classes: noise."""
    folder, rng, lines = data / 'clips', np.random.default_rng(0), []
    for video in range(4):
        own = folder / f'video{video}'
        own.mkdir(parents=True)
        for index in range(1, FRAMES + 1):
            for name, shape in (('img', (3,)), ('flow_x', ()), ('flow_y', ())):
                pixels = rng.integers(0, 256, (HEIGHT, WIDTH, *shape), dtype=np.uint8)
                Image.fromarray(pixels).save(own / f'{name}_{index:05d}.jpg')
        lines.append(f'video{video} {FRAMES} {video % 2}\n')
    (folder / 'train.txt').write_text(''.join(lines))
    return folder


@pytest.fixture(scope='module')
def recognizer_run(run, tools, configs, clips, tmp_path_factory) -> Path:
    """Work directory of a finished run in both phases."""
    work_dir = tmp_path_factory.mktemp('recognizers')
    run(tools / 'train.py', configs / 'recognizer_pair.py', '--work-dir', work_dir)
    return work_dir


def test_one_run_goes_through_both_phases(recognizer_run):
    (scalars,) = recognizer_run.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    static, *_, dynamic = (line for line in lines if 'loss' in line)
    assert 'loss_mse' in static and 'loss_emd' not in static
    assert 'loss_emd' in dynamic and 'loss_mse' not in dynamic
    assert [METRICS <= line.keys() for line in lines if 'loss' not in line] == [
        True
    ] * 2


def test_a_run_resumed_between_the_phases_is_the_same(
    recognizer_run, run, tools, configs, tmp_path
):
    checkpoint = shutil.copy(recognizer_run / 'epoch_1.pth', tmp_path)
    (tmp_path / 'last_checkpoint').write_text(str(checkpoint))
    config = configs / 'recognizer_pair.py'
    run(tools / 'train.py', config, '--work-dir', tmp_path, '--resume')
    (log,) = tmp_path.glob('*/*.log')
    assert 'Phase `static`' not in log.read_text()
    assert 'Phase `dynamic` begins.' in log.read_text()
    logged = [line for line in log.read_text().splitlines() if '(train)' in line]
    assert logged and all('loss_emd' in line for line in logged)
    assert not any('loss_mse' in line for line in logged)
    ended, resumed = (
        torch.load(folder / 'student.pth', weights_only=True)['state_dict']
        for folder in (recognizer_run, tmp_path)
    )
    assert ended.keys() == resumed.keys()
    assert all(torch.equal(ended[key], resumed[key]) for key in ended)


def test_mmaction2_predicts_bit_for_bit_what_the_student_does(
    recognizer_run, run, tmp_path, monkeypatch, data
):
    exported, out = recognizer_run / 'student.pth', tmp_path / 'scores.pth'
    run(HERE / 'predict_clips_plainly.py', exported.with_suffix('.py'), exported, out)
    plain = torch.load(out, weights_only=True)
    # The backbone is DynKD's; nothing else is.
    assert plain['names'] == ['dynkd', 'mmaction', 'torch']

    monkeypatch.syspath_prepend(HERE)
    # The process of MMAction2 predicts with the same function.
    predict = importlib.import_module('predict_clips_plainly').predict
    monkeypatch.setenv('E2E_DATA', str(data))
    cfg = Config.fromfile(recognizer_run / 'recognizer_pair.py')
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model).eval()
        saved = CheckpointLoader.load_checkpoint(str(recognizer_run / 'epoch_2.pth'))
        model.load_state_dict(saved['state_dict'], strict=True)
        own = predict(lambda b: model.predict_streams(b, ['student'])['student'], cfg)
    assert torch.equal(own, plain['scores'])
    assert own.shape == (4, 2) and len(own.unique()) > 2
