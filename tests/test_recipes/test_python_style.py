# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Configs in MMEngine's Python style: `read_base`, and types that are imported."""

from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from PIL import Image

from dynkd.compat import load_checkpoint_file
from dynkd.recipes import compose, write
from dynkd.registry import MODELS
from dynkd.utils.cli import build_runner

_RUNTIME = """
from mmengine.dataset import DefaultSampler
from mmengine.optim import OptimWrapper
from mmengine.runner import TestLoop, ValLoop
from mmpretrain.datasets import CustomDataset, LoadImageFromFile, PackInputs
from mmpretrain.evaluation import Accuracy
from torch.optim import SGD

default_scope = 'mmpretrain'
optim_wrapper = dict(type=OptimWrapper, optimizer=dict(type=SGD, lr=0.02))
train_cfg = dict(by_epoch=True, max_epochs=1)
val_cfg = dict(type=ValLoop)
test_cfg = dict(type=TestLoop)
train_dataloader = dict(
    batch_size=4,
    sampler=dict(type=DefaultSampler, shuffle=True),
    dataset=dict(type=CustomDataset, data_root='{folder}/images',
                 pipeline=[dict(type=LoadImageFromFile), dict(type=PackInputs)]))
val_dataloader = dict(train_dataloader)
val_dataloader.update(sampler=dict(type=DefaultSampler, shuffle=False))
test_dataloader = val_dataloader
val_evaluator = dict(type=Accuracy, topk=(1,))
test_evaluator = val_evaluator
"""
_STUDENT = """
from mmengine.config import read_base

from mmpretrain.models import (
    ClsDataPreprocessor,
    GlobalAveragePooling,
    ImageClassifier,
    LinearClsHead,
    ResNet,
)

with read_base():
    from .runtime import *

model = dict(
    type=ImageClassifier,
    data_preprocessor=dict(type=ClsDataPreprocessor),
    backbone=dict(
        type=ResNet, depth=18, stem_channels={width}, base_channels={width}
    ),
    neck=dict(type=GlobalAveragePooling),
    head=dict(type=LinearClsHead, num_classes=5, in_channels=8 * {width}),
)
"""
_BY_HAND = """
from mmengine.config import read_base

from dynkd.models.algorithms import Distillation
from dynkd.models.transfers.losses import KLDLoss

with read_base():
    from .student import *

model = dict(
    type=Distillation,
    streams=dict(student=dict(model=model, input_shape=(3, 32, 32)),
                 teacher=dict(config='{folder}/teacher.py', input_shape=(3, 32, 32))),
    transfers=dict(loss_kld=dict(
        source='teacher.head', target='student.head', loss=dict(type=KLDLoss))))
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A project of such configs."""
    (tmp_path / 'runtime.py').write_text(_RUNTIME.format(folder=tmp_path))
    for index in range(8):
        images = tmp_path / 'images' / str(index % 4)
        images.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (32, 32), (index * 30, 0, 0)).save(images / f'{index}.png')
    for name, width in (('student', 8), ('teacher', 16)):
        (tmp_path / f'{name}.py').write_text(_STUDENT.format(width=width))
    (tmp_path / 'by_hand.py').write_text(_BY_HAND.format(folder=tmp_path))
    return tmp_path


def test_a_recipe_takes_them(folder):
    """What is written is classic, beside a classic copy that it inherits from."""
    pair = (str(folder / name) for name in ('student.py', 'teacher.py'))
    composed = compose(*pair, 'dkd', folder=str(folder / 'made'))
    cfg = Config.fromfile(write(composed, folder / 'made' / 'made.py'))
    assert (folder / 'made' / 'student_classic.py').is_file()
    assert 'student_classic.py is ' in composed.text
    # Found from the types that the student's config imports.
    assert cfg.default_hooks.checkpoint.save_best == 'student/accuracy/top1'
    assert cfg.optim_wrapper.optimizer.type == 'torch.optim.SGD'
    init_default_scope(cfg.default_scope)
    model = MODELS.build(cfg.model)
    assert set(model.transfers) == set(composed.recipe.transfers)


def run(path: Path, work_dir: Path, **options) -> Runner:
    """Train a config."""
    cfg = Config.fromfile(path)
    cfg.work_dir = str(work_dir)
    cfg.merge_from_dict(options)
    runner = build_runner(cfg)
    runner.train()
    return runner


@pytest.mark.parametrize('by', ['recipe', 'hand'])
def test_they_are_trained_resumed_and_exported(folder, by):
    path = folder / 'by_hand.py'
    if by == 'recipe':
        pair = (str(folder / name) for name in ('student.py', 'teacher.py'))
        composed = compose(*pair, 'kd', folder=str(folder / 'made'))
        path = write(composed, folder / 'made' / 'made.py')
    work_dir = folder / 'run'
    run(path, work_dir)
    plain = Config.fromfile(work_dir / 'student.py')
    assert plain.model.type.startswith('mmpretrain.models.')
    assert plain.model.type.endswith('.ImageClassifier')
    assert 'dynkd' not in plain.pretty_text
    init_default_scope(plain.default_scope)
    weights = load_checkpoint_file(work_dir / 'student.pth')['state_dict']
    MODELS.build(plain.model).load_state_dict(weights, strict=True)
    options = {'resume': True, 'train_cfg.max_epochs': 2}
    assert run(path, work_dir, **options).epoch == 2
