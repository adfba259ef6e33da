# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Data where the libraries' own configs look for theirs, small enough for a test."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmdet.datasets import CocoDataset
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from PIL import Image

from dynkd.models.streams import StreamConfig

SIDE = 96


def write_coco(root: Path, count: int = 4) -> None:
    """Images with a bright box each, of COCO's 80 classes, with masks."""
    rng = np.random.default_rng(0)
    names = CocoDataset.METAINFO['classes']
    categories = [dict(id=i + 1, name=name) for i, name in enumerate(names)]
    for split in ('train2017', 'val2017'):
        folder = root / 'coco' / split
        folder.mkdir(parents=True)
        images, annotations = [], []
        for index in range(count):
            pixels = rng.integers(0, 100, (SIDE, SIDE, 3), dtype=np.uint8)
            x, y, w, h = 8 + index, 16, 48, 56
            pixels[y : y + h, x : x + w] = 200
            Image.fromarray(pixels).save(folder / f'{index:012d}.jpg')
            images.append(
                dict(id=index, file_name=f'{index:012d}.jpg', height=SIDE, width=SIDE)
            )
            corners = [x, y, x + w, y, x + w, y + h, x, y + h]
            annotations.append(
                dict(
                    id=index + 1,
                    image_id=index,
                    category_id=index % 3 + 1,
                    bbox=[x, y, w, h],
                    area=w * h,
                    iscrowd=0,
                    segmentation=[corners],
                )
            )
        path = root / 'coco' / 'annotations' / f'instances_{split}.json'
        path.parent.mkdir(exist_ok=True)
        content = dict(images=images, annotations=annotations, categories=categories)
        path.write_text(json.dumps(content))


def write_imagenet(root: Path, count: int = 4) -> None:
    """Noise in four class folders."""
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        for index in range(count):
            folder = root / 'imagenet' / split / f'n{index % 4:08d}'
            folder.mkdir(parents=True, exist_ok=True)
            pixels = rng.integers(0, 255, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f'{index}.JPEG')


def write_cityscapes(root: Path, count: int = 4) -> None:
    """Noise with a bright box each, of another class."""
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        images, masks = (
            root / 'cityscapes' / kind / split for kind in ('leftImg8bit', 'gtFine')
        )
        for folder in (images, masks):
            folder.mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 100, (SIDE, SIDE, 3), dtype=np.uint8)
            mask = np.zeros((SIDE, SIDE), np.uint8)
            pixels[16:72, 8 + index : 56] = 200
            mask[16:72, 8 + index : 56] = index + 1
            mask[:4] = 255  # without a label
            Image.fromarray(pixels).save(images / f'{index}_leftImg8bit.png')
            Image.fromarray(mask).save(masks / f'{index}_gtFine_labelTrainIds.png')


def write_kinetics(root: Path, count: int = 4) -> None:
    """Clips of noise."""
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        folder = root / 'kinetics400' / f'videos_{split}'
        folder.mkdir(parents=True)
        lines = []
        for index in range(count):
            out = cv2.VideoWriter(
                str(folder / f'{index}.avi'),
                cv2.VideoWriter_fourcc(*'MJPG'),
                10,
                (64, 64),
            )
            for _ in range(40):
                out.write(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
            out.release()
            lines.append(f'{index}.avi {index}')
        path = root / 'kinetics400' / f'kinetics400_{split}_list_videos.txt'
        path.write_text('\n'.join(lines) + '\n')


def shrink(cfg: Any, side: int = 96, batch: int = 2) -> None:
    """Make a run of a library's own config an epoch of four small images."""
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(num_workers=0, persistent_workers=False, batch_size=batch)
        loader.pop('prefetch_factor', None)
        if loader.sampler.type == 'InfiniteSampler':
            # An epoch has an end.
            loader.sampler.type = 'DefaultSampler'
        _smaller(loader, side)
    cfg.train_cfg = dict(by_epoch=True, max_epochs=1, val_interval=1)
    cfg.default_hooks.logger.interval = 1
    # Mixed precision needs a GPU.
    cfg.optim_wrapper.type = 'OptimWrapper'
    cfg.optim_wrapper.pop('loss_scale', None)
    for name, stream in list(cfg.model.streams.items()):
        cfg.model.streams[name] = _from_nothing(name, stream, cfg)
        _smaller(cfg.model.streams[name], side)
    _first_steps(cfg)


def _from_nothing(name: str, stream: Any, cfg: Any) -> dict:
    """A stream's model, without weights that would have to be downloaded."""
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        found = StreamConfig.from_cfg(
            name, dict(stream, checkpoint=None), cfg.get('data_preprocessor')
        )
    kept = {key: value for key, value in stream.items() if key != 'config'}
    return dict(kept, model=_without_weights(found.model), scope=found.scope)


def _without_weights(node: Any) -> Any:
    """A model's config, without what it starts from."""
    if isinstance(node, (list, tuple)):
        return type(node)(_without_weights(item) for item in node)
    if not hasattr(node, 'items'):
        return node
    kept = {key: _without_weights(value) for key, value in node.items()}
    if isinstance(kept.get('pretrained'), str):
        kept['pretrained'] = None
        if 'TSM' in str(kept.get('type')):
            kept['pretrained2d'] = False
    init = kept.get('init_cfg')
    if isinstance(init, dict) and init.get('type') == 'Pretrained':
        kept['init_cfg'] = None
    return ConfigDict(kept)


def _first_steps(cfg: Any) -> None:
    """Have small learning rates, as at the beginning of a warm-up."""
    cfg.param_scheduler = []
    streams = cfg.optim_wrapper.get('streams') or {}
    for own in (cfg.optim_wrapper, *streams.values()):
        if 'lr' in own.get('optimizer', {}):
            own.optimizer.lr /= 100


def _smaller(node: Any, side: int) -> None:
    """Have all pipelines make images of a side, and decode by OpenCV."""
    if isinstance(node, list):
        for item in node:
            _smaller(item, side)
    if not hasattr(node, 'items'):
        return
    kind = str(node.get('type', ''))
    node_type = kind.replace('Decord', 'OpenCV')
    if kind != node_type:
        node['type'] = node_type
    if kind == 'ImageNet':
        # Whose class folders are not a thousand.
        root = f'{node["data_root"].rstrip("/")}/{node.pop("split")}'
        node.update(type='CustomDataset', data_root=root)
    if kind == 'BatchFixedSizePad':
        node['size'] = (side, side)
    if kind == 'SegDataPreProcessor':
        node['size'] = (side, side)
    if kind == 'RandomCrop' and 'cat_max_ratio' in node:  # MMSegmentation's
        node['crop_size'] = (side, side)
    if kind == 'RandomChoiceResize':
        node['scales'] = [(side, side)]
    if kind in ('Resize', 'RandomResize', 'FixScaleResize'):
        node['scale'] = (side, side)
    for item in list(node.values()):
        _smaller(item, side)
