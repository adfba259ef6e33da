# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The configs of action recognition say what the paper says, and their clips load."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DATASETS, DefaultScope

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: Data sets of each model, and their numbers of classes.
DATA = {
    'resnext3d101': dict(hmdb51=51, ucf101=101),
    'slowonly_r50': dict(hmdb51=51),
    'resnext3d18': {'moving-digits': 8, 'surv-fights': 2},
}
PAIRS = [(model, data) for model, own in DATA.items() for data in own]
VARIANTS = [pair for pair in PAIRS if pair[0] != 'slowonly_r50']
SGD = dict(type='SGD', momentum=0.9, weight_decay=5e-4)


def plain(cfg):
    """A config without the scopes that MMEngine notes in what is inherited."""
    if isinstance(cfg, dict):
        return {key: plain(value) for key, value in cfg.items() if key != '_scope_'}
    return [plain(own) for own in cfg] if isinstance(cfg, (list, tuple)) else cfg


@pytest.mark.parametrize(('model', 'data'), PAIRS)
def test_dynamic_is_equation_8(model, data, read):
    cfg = read(f'dkd/{model}_flow-rgb_{data}')
    found = {
        name: (own.source, own.target, own.loss.type, own.loss.loss_weight)
        for name, own in cfg.model.transfers.items()
    }
    head, feature = '.cls_head', '.cls_head.avg_pool'
    assert found == dict(
        loss_emd=(f'teacher{feature}', f'student{feature}', 'EMDLoss', 0.1),
        loss_kld_student=(f'teacher{head}', f'student{head}', 'KLDLoss', 5.0),
        loss_kld_teacher=(f'student{head}', f'teacher{head}', 'KLDLoss', 5.0),
    )
    assert cfg.model.transfers.loss_emd.loss.p == 1
    assert 'phases' not in cfg.model


@pytest.mark.parametrize(('model', 'data'), PAIRS)
def test_streams_see_flow_and_rgb(model, data, read):
    streams = read(f'dkd/{model}_flow-rgb_{data}').model.streams
    for name, modality, channels in (('teacher', 'flow', 2), ('student', 'rgb', 3)):
        own = streams[name]
        assert own.input == modality
        assert own.model.backbone.in_channels == own.input_shape[1] == channels
        assert own.model.cls_head.num_classes == DATA[model][data]
        assert own.model.cls_head.average_clips == 'prob'
        preprocessor = own.model.data_preprocessor
        assert preprocessor.format_shape == 'NCTHW'
        assert len(preprocessor.mean) == channels
        if model != 'slowonly_r50':
            expected = dict(flow=[127.5, 127.5], rgb=[114.7748, 107.7354, 99.475])
            assert preprocessor.mean == expected[modality]
            assert preprocessor.std == [1.0] * channels


@pytest.mark.parametrize(('model', 'data'), PAIRS)
def test_streams_are_the_models_that_are_trained_alone(model, data, read):
    cfg = read(f'dkd/{model}_flow-rgb_{data}')
    streams = cfg.model.streams
    for name, modality in (('teacher', 'flow'), ('student', 'rgb')):
        alone = read(f'baselines/{model}_{modality}_{data}')
        assert plain(streams[name].model) == plain(alone.model)
        for own in (alone.optim_wrapper, cfg.optim_wrapper.streams[name]):
            assert {key: own.optimizer[key] for key in SGD} == SGD
    flow = read(f'baselines/{model}_flow_{data}')
    folder = flow.get('work_dir', f'work_dirs/{model}_flow_{data}')
    last = flow.train_cfg.max_epochs
    assert streams.teacher.checkpoint == f'{folder}/epoch_{last}.pth'
    assert streams.student.get('checkpoint') is None


@pytest.mark.parametrize('data', DATA['resnext3d101'])
def test_both_begin_with_kinetics(data, read):
    for modality in ('flow', 'rgb'):
        own = read(f'baselines/resnext3d101_{modality}_{data}').model.backbone
        assert own.init_cfg.type == 'Pretrained'
        assert f'_{modality}_kinetics400' in own.init_cfg.checkpoint
        assert (own.type, own.depth) == ('dynkd.ResNeXt3D', 101)


@pytest.mark.parametrize(('model', 'data'), VARIANTS)
def test_static_is_mse_alone(model, data, read):
    cfg = read(f'dkd/{model}_flow-rgb_static_{data}')
    (loss,) = cfg.model.transfers.values()
    assert (loss.loss.type, loss.loss.kind) == ('FeatureLoss', 'mse')
    assert (loss.source, loss.target) == (
        'teacher.cls_head.avg_pool',
        'student.cls_head.avg_pool',
    )
    assert cfg.model.streams.teacher.frozen


@pytest.mark.parametrize(('model', 'data'), VARIANTS)
def test_static_then_dynamic_is_one_after_the_other(model, data, read):
    static = read(f'dkd/{model}_flow-rgb_static_{data}')
    dynamic = read(f'dkd/{model}_flow-rgb_{data}')
    both = read(f'dkd/{model}_flow-rgb_static-dynamic_{data}')
    first, second = both.model.phases
    transfers = {**static.model.transfers, **dynamic.model.transfers}
    assert both.model.transfers == transfers
    assert first.transfers == list(static.model.transfers)
    assert first.begin == 0 and first.frozen == ['teacher']
    assert set(second.transfers) == set(dynamic.model.transfers)
    assert 0 < second.begin < both.train_cfg.max_epochs
    assert 'frozen' not in second
    assert both.find_unused_parameters
    assert len({cfg.train_cfg.max_epochs for cfg in (static, dynamic, both)}) == 1


@pytest.mark.parametrize(('model', 'data'), PAIRS)
def test_rgb_and_flow_are_evaluated_together(model, data, read):
    cfg = read(f'dkd/{model}_flow-rgb_{data}')
    for loop in (cfg.val_cfg, cfg.test_cfg):
        assert loop.fused == dict(student=1.0, teacher=1.0)
    assert cfg.val_evaluator.type == 'AccMetric'


@pytest.mark.parametrize('data', ['hmdb51', 'ucf101'])
@pytest.mark.parametrize('split', [1, 2, 3])
def test_the_environment_chooses_the_split(data, split, monkeypatch):
    monkeypatch.setenv('SPLIT', str(split))
    alone = Config.fromfile(CONFIGS / f'baselines/resnext3d101_flow_{data}.py')
    file = f'dkd/resnext3d101_flow-rgb_static-dynamic_{data}.py'
    cfg = Config.fromfile(CONFIGS / file)
    for own in (alone, cfg):
        lists = f'annotations/{data}_{{}}_split_{split}_rawframes.txt'
        assert own.train_dataloader.dataset.ann_file == lists.format('train')
        assert own.val_dataloader.dataset.ann_file == lists.format('val')
        assert own.test_dataloader.dataset.ann_file == lists.format('val')
        assert own.work_dir.endswith(f'_split{split}')
    assert cfg.model.streams.teacher.checkpoint.startswith(f'{alone.work_dir}/')


@pytest.mark.parametrize('split', ['0', '4'])
def test_there_are_three_splits(split, monkeypatch):
    monkeypatch.setenv('SPLIT', split)
    with pytest.raises(ValueError, match=f'SPLIT must be 1, 2 or 3, got {split}'):
        Config.fromfile(CONFIGS / 'baselines/resnext3d101_flow_hmdb51.py')


# ------------------------------------------------------------------------ clips

#: Frames and sides of a clip, of training and of testing, and how many clips there are
#: of a video with 130 frames.
CLIPS = {
    ('resnext3d101', 'hmdb51'): ((64, 112), (64, 112), 2),
    ('slowonly_r50', 'hmdb51'): ((8, 224), (8, 224), 2),
    ('resnext3d18', 'moving-digits'): ((16, 56), (16, 56), 1),
    ('resnext3d18', 'surv-fights'): ((16, 80), (16, 96), 2),
}


@pytest.fixture(scope='module')
def video(tmp_path_factory) -> Path:
    """Raw frames of a video of 130 frames, with flow, and the list of it."""
    root = tmp_path_factory.mktemp('rawframes')
    (root / 'one').mkdir()
    rng = np.random.default_rng(0)
    for index in range(1, 131):
        frame = rng.integers(0, 256, (64, 84, 3), dtype=np.uint8)
        cv2.imwrite(str(root / f'one/img_{index:05d}.jpg'), frame)
        for axis in 'xy':
            path = root / f'one/flow_{axis}_{index:05d}.jpg'
            cv2.imwrite(str(path), frame[..., 0])
    (root / 'list.txt').write_text('one 130 1\n')
    return root


def clips_of(cfg: Config, loader: str, root: Path) -> dict:
    """The only sample of a loader's data set, read from another folder."""
    dataset = cfg[loader].dataset
    dataset.update(data_root=str(root), data_prefix=dict(img=''), ann_file='list.txt')
    with DefaultScope.overwrite_default_scope('mmaction'):
        return DATASETS.build(dataset)[0]


@pytest.mark.parametrize(('model', 'data'), CLIPS)
@pytest.mark.parametrize('modality', ['flow', 'rgb', None])
def test_clips_have_these_shapes(model, data, modality, read, video):
    train, test, number = CLIPS[model, data]
    if modality is None:
        cfg = read(f'dkd/{model}_flow-rgb_{data}')
    else:
        cfg = read(f'baselines/{model}_{modality}_{data}')
    for loader, clips, (length, side) in (
        ('train_dataloader', 1, train),
        ('val_dataloader', number, test),
        ('test_dataloader', number, test),
    ):
        sample = clips_of(cfg, loader, video)
        inputs = sample['inputs']
        inputs = inputs if modality is None else {modality: inputs}
        channels = dict(rgb=3, flow=2)
        assert set(inputs) == set(channels if modality is None else [modality])
        for name, own in inputs.items():
            assert own.dtype == torch.uint8
            assert own.shape == (clips, channels[name], length, side, side)
        assert sample['data_samples'].gt_label.item() == 1


def test_moving_digits_are_never_flipped(read):
    cfg = read('dkd/resnext3d18_flow-rgb_moving-digits')
    assert 'Flip' not in str(cfg.train_dataloader.dataset.pipeline)
