# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DKD of segmentors: trained, resumed, exported, and used by MMSegmentation."""

import importlib
import json
import shutil
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import CheckpointLoader

from dynkd.registry import MODELS

pytest.importorskip('mmseg')

HERE = Path(__file__).resolve().parent
METRICS = {f'{name}/mIoU' for name in ('student', 'teacher')}


@pytest.fixture(scope='module')
def segmentor_run(run, tools, configs, tmp_path_factory) -> Path:
    """Work directory of a finished run."""
    work_dir = tmp_path_factory.mktemp('segmentors')
    run(tools / 'train.py', configs / 'segmentor_pair.py', '--work-dir', work_dir)
    return work_dir


def test_both_learn_and_both_are_validated(segmentor_run):
    (scalars,) = segmentor_run.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    steps = [line for line in lines if 'loss' in line]
    assert len(steps) == 6
    for name in ('loss_emd', 'loss_kld_student', 'loss_kld_teacher'):
        assert steps[-1][name] > 0
    for stream in ('student', 'teacher'):
        assert (
            steps[-1][f'{stream}/decode.loss_ce'] < steps[0][f'{stream}/decode.loss_ce']
        )
    validated = [line for line in lines if 'loss' not in line]
    assert len(validated) == 2 and all(METRICS <= line.keys() for line in validated)
    best = max(validated, key=lambda line: line['student/mIoU'])
    (kept,) = segmentor_run.glob('best_student_mIoU_epoch_*.pth')
    assert kept.stem.endswith(str(best['step']))


def test_a_resumed_run_is_the_same(segmentor_run, run, tools, configs, tmp_path):
    checkpoint = shutil.copy(segmentor_run / 'epoch_1.pth', tmp_path)
    (tmp_path / 'last_checkpoint').write_text(str(checkpoint))
    config = configs / 'segmentor_pair.py'
    run(tools / 'train.py', config, '--work-dir', tmp_path, '--resume')
    ended, resumed = (
        CheckpointLoader.load_checkpoint(str(folder / 'epoch_2.pth'))['state_dict']
        for folder in (segmentor_run, tmp_path)
    )
    before = CheckpointLoader.load_checkpoint(str(checkpoint))['state_dict']
    assert ended.keys() == resumed.keys()
    assert all(torch.equal(ended[key], resumed[key]) for key in ended)
    assert any(not torch.equal(ended[key], before[key]) for key in ended)


def test_mmsegmentation_predicts_bit_for_bit_what_the_student_does(
    segmentor_run, run, tmp_path, monkeypatch, data
):
    exported, out = segmentor_run / 'student.pth', tmp_path / 'masks.pth'
    config = exported.with_suffix('.py')
    assert 'dynkd' not in config.read_text()
    images = sorted((data / 'val').glob('*.png'))[:3]
    run(HERE / 'predict_plainly.py', config, exported, out, *images)
    plain = torch.load(out, weights_only=True)

    monkeypatch.syspath_prepend(HERE)
    predict = importlib.import_module('predictions').predict
    monkeypatch.setenv('E2E_DATA', str(data))
    cfg = Config.fromfile(segmentor_run / 'segmentor_pair.py')
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(cfg.model).eval()
        saved = CheckpointLoader.load_checkpoint(str(segmentor_run / 'epoch_2.pth'))
        model.load_state_dict(saved['state_dict'], strict=True)
        own = predict(
            lambda batch: model.predict_streams(batch, ['student'])['student'],
            cfg.test_pipeline,
            images,
        )
    assert len(own) == 3
    for index, sample in enumerate(own):
        for key in ('seg_logits', 'pred_sem_seg'):
            for how in ('strict', 'usual'):
                assert torch.equal(sample[key]['data'], plain[how][index][key]['data'])
        mask = plain['inferred'][index]
        assert mask.shape == (1, 64, 64)
        assert torch.equal(mask, sample['pred_sem_seg']['data'])
    # Not all of them are background.
    assert sum(len(sample['seg_logits']['data'].unique()) for sample in own) > 300


def test_the_export_knows_the_classes_and_their_colours(segmentor_run):
    content = torch.load(segmentor_run / 'student.pth', weights_only=True)
    meta = content['meta']['dataset_meta']
    assert meta['classes'][:2] == ['background', '0']
    assert len(meta['palette']) == len(meta['classes']) == 11
