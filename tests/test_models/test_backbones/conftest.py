# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The classifiers of `configs/_base_/models/cifar_backbones.py`."""

import copy
from pathlib import Path
from typing import Any, Callable

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from torch import nn

ROOT = Path(__file__).resolve().parents[3]
BASE = Config.fromfile(ROOT / 'configs/_base_/models/cifar_backbones.py')


@pytest.fixture(scope='session')
def zoo() -> Config:
    """Configs of the classifiers, by name."""
    return BASE


@pytest.fixture(scope='session')
def classifier_of() -> Callable[..., nn.Module]:
    """Builds a classifier by its name, with changes to its backbone."""

    def build(name: str, **backbone: Any) -> nn.Module:
        cfg = copy.deepcopy(BASE[name])
        cfg.backbone.update(backbone)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            return MODELS.build(cfg)

    return build
