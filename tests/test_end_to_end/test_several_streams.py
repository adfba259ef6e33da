# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Several teachers and several students: validated, exported, and resumed exactly."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from dynkd.compat import load_checkpoint_file
from dynkd.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs' / 'several'
EPOCHS = 2
#: The trained streams of each config, and what is measured of its transfers.
ARRANGEMENTS = {
    'three-students': (['student', 'second', 'third'], 'dml_third/share'),
    'two-teachers_confidence': (['student'], 'kd/confidence_1'),
    'assistant': (['assistant', 'student'], 'kd_assistant/share'),
    'dkd-students': (['student', 'second'], 'emd_second/share'),
}
LONG = ['assistant', 'dkd-students']


class Watch(Hook):
    """Keeps the metrics of each validation, and what a step logs."""

    def __init__(self) -> None:
        self.metrics: list[dict] = []
        self.logged: set[str] = set()

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.logged |= set(outputs)

    def after_val_epoch(self, runner: Runner, metrics: Any = None) -> None:
        self.metrics.append(metrics)


@pytest.fixture(scope='module')
def teachers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Checkpoints of networks with random weights, by the names in the configs."""
    folder, found = tmp_path_factory.mktemp('teachers'), {}
    models = Config.fromfile(CONFIGS.parent / '_base_/models/resnet18_32px.py')
    for name, model in (('teacher', models.resnet18), ('second', models.resnet18_half)):
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            state = MODELS.build(model).state_dict()
        found[name] = str(folder / f'{name}.pth')
        torch.save(dict(state_dict=state), found[name])
    return found


@pytest.fixture
def train(data: Path, teachers: dict[str, str], tmp_path: Path):
    """Train a config on tiny data; return what was seen, and the folder."""

    def train(kind: str, folder: str, **changes: Any) -> tuple[Watch, Path]:
        cfg = Config.fromfile(CONFIGS / f'{kind}_resnet18half_digits.py')
        for split in ('train', 'val'):
            loader = cfg[f'{split}_dataloader']
            loader.update(batch_size=6, num_workers=0)
            loader.dataset.data_root = str(data / f'cls_{split}')
        cfg.test_dataloader = cfg.test_cfg = cfg.test_evaluator = None
        for name, stream in cfg.model.streams.items():
            if stream.get('checkpoint'):
                stream.checkpoint = teachers[name]
        cfg.train_cfg.max_epochs = EPOCHS
        cfg.default_hooks.logger.interval = 1
        cfg.work_dir = str(tmp_path / folder)
        cfg.update(changes)
        seen = Watch()
        runner = Runner.from_cfg(cfg)
        runner.register_hook(seen)
        runner.train()
        return seen, tmp_path / folder

    return train


@pytest.mark.parametrize(
    'kind',
    [
        pytest.param(kind, marks=[pytest.mark.slow] if kind in LONG else [])
        for kind in ARRANGEMENTS
    ],
)
def test_trains_validates_exports_and_resumes(kind, train):
    trained, measured = ARRANGEMENTS[kind]
    seen, folder = train(kind, 'whole')
    assert measured in seen.logged
    cfg = Config.fromfile(next(folder.glob(f'{kind}*.py')))
    assert len(seen.metrics) == EPOCHS
    for metrics in seen.metrics:
        validated = {key.partition('/')[0] for key in metrics}
        assert validated == set(cfg.model.streams)

    whole = load_checkpoint_file(folder / f'epoch_{EPOCHS}.pth')['state_dict']
    saved = {key.split('.')[1] for key in whole if key.startswith('streams.')}
    assert saved == set(trained)
    _, resumed = train(
        kind, 'resumed', resume=True, load_from=str(folder / 'epoch_1.pth')
    )
    again = load_checkpoint_file(resumed / f'epoch_{EPOCHS}.pth')['state_dict']
    assert whole.keys() == again.keys()
    assert all(torch.equal(value, again[key]) for key, value in whole.items())

    plain = Config.fromfile(folder / 'student.py')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        student = MODELS.build(plain.model)
    exported = load_checkpoint_file(folder / 'student.pth')['state_dict']
    student.load_state_dict(exported, strict=True)
    for key, value in exported.items():
        assert torch.equal(value, whole[f'streams.student.{key}'])
