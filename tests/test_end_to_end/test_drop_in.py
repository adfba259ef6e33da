# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""MMDetection's own training script trains one of its own configs, distilled."""

import importlib.util
import json
from pathlib import Path

import pytest

CONFIG = Path(__file__).resolve().parent / 'dropin_fcos.py'

TINY_BACKBONE = dict(
    depth=18,
    base_channels=8,
    frozen_stages=-1,
    style='pytorch',
    init_cfg=None,
)


def overrides(data: Path) -> list[str]:
    """What makes the drop-in config small enough for a test; nothing else."""
    found = {'train_cfg.max_epochs': 1, 'default_hooks.logger.interval': 1}
    for stream in ('student', 'teacher'):
        model = f'model.streams.{stream}.model'
        for key, value in TINY_BACKBONE.items():
            found[f'{model}.backbone.{key}'] = value
        found[f'{model}.neck.in_channels'] = '[8,16,32,64]'
        found[f'{model}.neck.out_channels'] = 64
        for key in ('in_channels', 'feat_channels'):
            found[f'{model}.bbox_head.{key}'] = 64
        found[f'{model}.bbox_head.stacked_convs'] = 1
        found[f'{model}.bbox_head.num_classes'] = 3
        # Else it finds nothing after two iterations, and there are no metrics.
        found[f'{model}.test_cfg.score_thr'] = 0.0
    for split, loader in (('train', 'train'), ('val', 'val'), ('val', 'test')):
        dataset = f'{loader}_dataloader.dataset'
        found[f'{dataset}.data_root'] = f'{data}/'
        found[f'{dataset}.ann_file'] = f'{split}.json'
        found[f'{dataset}.data_prefix.img'] = f'{split}/'
        found[f'{dataset}.metainfo.classes'] = '(square,wide,tall)'
        found[f'{dataset}.pipeline.{2 if loader == "train" else 1}.scale'] = '(64,64)'
        found[f'{loader}_evaluator.ann_file'] = str(data / f'{split}.json')
    del found['train_evaluator.ann_file']
    found['train_dataloader.batch_size'] = 6
    return [f'{key}={value}' for key, value in found.items()]


def test_config_has_at_most_fifteen_lines():
    lines = [line.strip() for line in CONFIG.read_text().splitlines()]
    code = [line for line in lines if line and not line.startswith('#')]
    assert len(code) <= 15


@pytest.fixture(scope='module')
def work_dir(run, data, tmp_path_factory) -> Path:
    """Work directory of a run of MMDetection's script: one epoch of two iterations."""
    work_dir = tmp_path_factory.mktemp('drop_in')
    package = Path(importlib.util.find_spec('mmdet').origin).parent
    train = package / '.mim' / 'tools' / 'train.py'
    options = overrides(data)
    run(train, CONFIG, '--work-dir', work_dir, '--cfg-options', *options)
    return work_dir


def test_mmdetection_trains_it(work_dir):
    (log,) = work_dir.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    steps = [line for line in lines if 'loss' in line]
    assert len(steps) == 2
    for stream in ('student', 'teacher'):
        # The settings of the plain config serve both streams.
        assert steps[-1][f'{stream}.lr'] > 0
        assert steps[-1][f'{stream}/grad_norm'] > 0
        assert steps[-1][f'{stream}/loss_cls'] > 0
        assert f'{stream}/coco/bbox_mAP' in lines[-1]
    for name in ('loss_kld_student', 'loss_kld_teacher', 'loss_emd'):
        assert steps[-1][name] > 0


def test_both_streams_are_saved_with_their_optimizers(work_dir):
    from dynkd.compat import load_checkpoint_file

    checkpoint = load_checkpoint_file(work_dir / 'epoch_1.pth')
    assert set(checkpoint['optimizer']) == {'student', 'teacher'}
    # `paramwise_cfg` of the plain config: biases learn twice as fast.
    for optimizer in checkpoint['optimizer'].values():
        rates = {group['initial_lr'] for group in optimizer['param_groups']}
        assert rates == {0.01, 0.02}
