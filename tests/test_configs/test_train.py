# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Configs of each kind train: an epoch of two steps on tiny data, and a validation."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from PIL import Image

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: Side of the images of a data set, where it is not 32.
SIDES = {'in1k': 64, 'tiny-imagenet': 64, 'stl10': 96, 'coco': 64, 'voc': 64}
#: Sides that configs of detection give their images, and the one they have here.
SCALES, SCALE = ((667, 667), (1000, 600)), (96, 96)
BATCH, STEPS = 4, 2
#: Of the ordinary suite; the other kinds take more than a few seconds.
KINDS = [
    'ekd/resnet50_resnet18_own-views_cifar100',
    'kd/fcos_r18_r18half_pkd_digits',
    'several/two-teachers_confidence_resnet18half_digits',
    'several/three-students_resnet18half_digits',
]
SLOW = [
    'ekd/vgg16_vgg16_cifar100',
    'ekd/resnet110_resnet110_cifar100',
    'ekd/vgg19_vgg11_no-lg_cifar10',
    'ekd/resnet50_resnet18_16px_kd-crd_cifar100',
    'ekd/resnet50_resnet18_25pct_kd-crd_cifar100',
    'ekd/resnet34_resnet18_kd_tiny-imagenet',
    'dtskd/vgg16-3fc_cifar100',
    'dtskd/resnet18_beta10-05_cifar100',
    'dtskd/resnext18_hd04_cifar100',
    'dtskd/faster-rcnn_r152_plain_voc0712',
    'iakd/resnet50x4_shufflenetv1_r_cifar100',
    'iakd/resnet44_resnet26_r-hkd_cifar10',
    'dpk/convnext-t_resnet18_in1k',
    'dpk/resnet34_resnet18_kd_in1k',
    'dpk/resnet50_resnet34_takd_in1k',
    'dpk/wrn16-2_linear_stl10',
    'dkd/fcos_r50_r50half_mmd-kld_coco',
    'dkd/fcos_r50_r50half_from-scratch_coco',
    'dkd/fcos_r50_r50slim_coco',
    'baselines/resnet18_in1k',
    'baselines/vgg11_200e_cifar10',
    'baselines/resnet18_16px_200e_cifar100',
    'baselines/fcos_r50_coco',
    *(
        f'{folder}/{file.stem}'
        for folder in ('kd', 'several')
        for file in sorted((CONFIGS / folder).glob('*.py'))
        if f'{folder}/{file.stem}' not in KINDS
    ),
]


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Make a folder of images in two classes, and the same in COCO's format."""

    def make(side: int, classes: tuple[str, ...]) -> Path:
        folder = tmp_path_factory.mktemp('images')
        rng = np.random.default_rng(0)
        listed, boxes = [], []
        for index in range(BATCH * STEPS):
            pixels = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
            path = folder / str(index % 2) / f'{index}.png'
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(pixels).save(path)
            name = str(path.relative_to(folder))
            listed.append(dict(id=index, file_name=name, height=side, width=side))
            box = dict(bbox=[4, 8, side // 2, side // 3], area=side * side // 6)
            box.update(id=index + 1, image_id=index, category_id=1 + index % 2)
            boxes.append(dict(box, iscrowd=0))
        categories = [dict(id=i, name=name) for i, name in enumerate(classes, 1)]
        content = dict(images=listed, annotations=boxes, categories=categories)
        (folder / 'boxes.json').write_text(json.dumps(content))
        return folder

    return make


def parts(cfg: Any) -> Iterator[dict]:
    """All dictionaries of a config."""
    if isinstance(cfg, dict):
        yield cfg
        cfg = list(cfg.values())
    if isinstance(cfg, (list, tuple)):
        for value in cfg:
            yield from parts(value)


def innermost(dataset: dict) -> Iterator[dict]:
    """The data sets that wrappers are around."""
    inner = dataset.get('dataset') or dataset.get('datasets')
    if inner is None:
        yield dataset
    for own in inner if isinstance(inner, list) else [inner]:
        if own is not None:
            yield from innermost(own)


def read_images_of(dataset: dict, folder: Path, boxes: bool, classes: tuple) -> None:
    """Let a data set have these images."""
    pipeline = list(dataset['pipeline'])
    if pipeline[0]['type'] != 'LoadImageFromFile':
        pipeline.insert(0, dict(type='LoadImageFromFile'))
    dataset.clear()
    kind = dict(type='CustomDataset', data_root=str(folder))
    if boxes:
        kind = dict(type='CocoDataset', data_root=str(folder), ann_file='boxes.json')
        kind.update(metainfo=dict(classes=classes), data_prefix=dict(img=''))
    dataset.update(kind, pipeline=pipeline)


def shrink(cfg: Config, images: Any, work_dir: Path, side: int) -> Config:
    """A config that trains an epoch of two steps on tiny data."""
    boxes = cfg.default_scope == 'mmdet'
    number = 20 if 'voc' in str(cfg.filename) else 80
    classes = tuple(f'class {index}' for index in range(number))
    folder = images(side, classes)
    for split in ('train', 'val'):
        loader = cfg[f'{split}_dataloader']
        loader.update(batch_size=BATCH, num_workers=0, persistent_workers=False)
        for dataset in innermost(loader.dataset):
            read_images_of(dataset, folder, boxes, classes)
    if boxes:
        evaluator = dict(type='CocoMetric', metric='bbox')
        cfg.val_evaluator = dict(evaluator, ann_file=str(folder / 'boxes.json'))
        # Metrics of data sets other than COCO have other names.
        cfg.default_hooks.checkpoint.save_best = None
    # Nothing is downloaded.
    for stream in cfg.model.get('streams', {}).values():
        if 'config' in stream:
            own = dict(stream.get('model', {}))
            stream.model = dict(
                own, backbone=dict(own.get('backbone', {}), init_cfg=None)
            )
    for part in parts(cfg._cfg_dict):
        for key, value in list(part.items()):
            if isinstance(value, dict) and value.get('type') == 'Pretrained':
                part[key] = None
        if part.get('type') == 'CRDLoss':
            part['num_samples'] = BATCH * STEPS
        if tuple(np.ravel(part.get('scale'))) in SCALES:
            part['scale'] = SCALE
    cfg.train_cfg.update(max_epochs=1, val_interval=1)
    if 'digits' in str(cfg.filename) and boxes:
        # A schedule that begins after the first epoch has no place in one.
        cfg.param_scheduler = [s for s in cfg.param_scheduler if not s.by_epoch]
        # Nor has a detector that knows nothing sure objects.
        for stream in cfg.model.streams.values():
            stream.model = dict(stream.model, test_cfg=dict(score_thr=0.0))
    cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
    cfg.default_hooks.logger.interval = 1
    cfg.work_dir = str(work_dir)
    return cfg


class Watch(Hook):
    """Keeps what a training starts from, its losses and its metrics."""

    def __init__(self) -> None:
        self.losses: list[dict] = []

    def before_train_epoch(self, runner: Runner) -> None:
        state = runner.model.named_parameters()
        self.before = {name: own.detach().clone() for name, own in state}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.losses.append({key: float(value) for key, value in outputs.items()})

    def after_val_epoch(self, runner: Runner, metrics: Any = None) -> None:
        self.metrics = metrics


@pytest.mark.parametrize(
    'name', [*KINDS, *(pytest.param(own, marks=pytest.mark.slow) for own in SLOW)]
)
def test_an_epoch_of_two_steps(name, read_offline, images, tmp_path):
    side = next((own for part, own in SIDES.items() if part in name), 32)
    cfg = shrink(read_offline(name), images, tmp_path, side)
    runner = Runner.from_cfg(cfg)
    seen = Watch()
    runner.register_hook(seen)
    runner.train()
    after = dict(runner.model.named_parameters())
    trained = {n for n, p in after.items() if p.requires_grad}
    moved = {n for n, p in after.items() if not torch.equal(p, seen.before[n])}
    assert moved and moved <= trained
    streams = [
        {n.split('.')[1] for n in names if n.startswith('streams.')}
        for names in (moved, trained)
    ]
    assert streams[0] == streams[1]
    # VOC has the data sets of two years, each with the images.
    years = len(list(innermost(cfg.train_dataloader.dataset)))
    assert 1 <= len(seen.losses) <= STEPS * years
    for losses in seen.losses:
        assert losses['loss'] > 0
        assert all(math.isfinite(v) for k, v in losses.items() if 'loss' in k), losses
    assert seen.metrics
