# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Reading our configs without network: each once, without their checkpoints."""

import copy
import importlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Callable

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope

from dynkd.models.streams import StreamConfig

ROOT = Path(__file__).resolve().parents[2]


@cache
def _read(name: str) -> Config:
    return Config.fromfile(ROOT / 'configs' / f'{name}.py')


@pytest.fixture(scope='session')
def read() -> Callable[[str], Config]:
    """Reads a config by its name: `'dkd/fcos_r50_r50half_coco'`."""
    return lambda name: copy.deepcopy(_read(name))


@pytest.fixture(scope='session')
def read_offline(read) -> Callable[[str], Config]:
    """The same, with streams that start from no weights."""

    def read_without_weights(name: str) -> Config:
        cfg = read(name)
        if cfg.default_scope == 'mmseg':
            pytest.importorskip('mmseg')
        if 'TIMMBackbone' in str(cfg.model):
            # An optional requirement: requirements/efficientnet.txt.
            pytest.importorskip('timm')
        for stream in cfg.model.get('streams', {}).values():
            stream.checkpoint = None
            if stream.get('frozen', False):
                # A frozen stream without a checkpoint initialises itself when built.
                changes = dict(stream.get('model', {}))
                backbone = changes.get('backbone', {})
                stream.model = dict(changes, backbone=dict(backbone, init_cfg=None))
        return cfg

    return read_without_weights


@pytest.fixture(scope='session')
def resolve() -> Callable[[Config, str], StreamConfig]:
    """Finds the whole model config of a stream."""

    def resolve(cfg: Config, name: str) -> StreamConfig:
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            preprocessor = cfg.get('data_preprocessor')
            return StreamConfig.from_cfg(name, cfg.model.streams[name], preprocessor)

    return resolve


@pytest.fixture(scope='session')
def outline(resolve) -> Callable[[Config, str], torch.nn.Module]:
    """Builds the model of a stream without memory for its weights, where it can."""

    def outline(cfg: Config, name: str) -> torch.nn.Module:
        stream = resolve(cfg, name)
        # MMPretrain's ResNets and the Swin Transformers compute their drop-path rates
        # in tensors, which need values.
        light = stream.scope in ('mmdet', 'mmaction')
        light = light and 'SwinTransformer' not in str(stream.model)
        device = 'meta' if light else 'cpu'
        with DefaultScope.overwrite_default_scope(stream.scope), torch.device(device):
            return MODELS.build(stream.model)

    return outline


@pytest.fixture(scope='module')
def import_analysis_tool() -> Iterator[Callable[[str], ModuleType]]:
    """Import analysis tools by their names; afterwards they are forgotten."""
    folder = ROOT / 'tools' / 'analysis_tools'
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    yield importlib.import_module
    sys.path.remove(str(folder))
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], '__file__', None)
        if file and Path(file).parent == folder:
            del sys.modules[name]
