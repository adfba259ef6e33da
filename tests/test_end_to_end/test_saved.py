# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What version 0.1 wrote still loads: a dumped config, and a checkpoint."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from dynkd.models.schedules import Progress
from dynkd.registry import MODELS

SAVED = Path(__file__).parent / 'saved'


@pytest.fixture
def model():
    """The distillation of the dumped config: every kind of part that has weights."""
    cfg = Config.fromfile(SAVED / 'version_0_1.py')
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model)


@pytest.fixture
def checkpoint() -> dict:
    """Its weights, and what it predicted for two images."""
    return torch.load(SAVED / 'version_0_1.pth', weights_only=True)


def test_keys_of_the_checkpoint_are_the_same(model, checkpoint):
    assert set(model.state_dict()) == set(checkpoint['state_dict'])


def test_model_predicts_what_it_predicted(model, checkpoint):
    from mmpretrain.structures import DataSample

    model.load_state_dict(checkpoint['state_dict'], strict=True)
    model.eval()
    images = (torch.arange(2 * 3 * 32 * 32) % 251).float().reshape(2, 3, 32, 32)
    samples = [DataSample().set_gt_label(label) for label in range(2)]
    batch = dict(inputs=list(images), data_samples=samples)
    found = model.predict_streams(batch, list(checkpoint['scores']))
    for name, scores in checkpoint['scores'].items():
        own = torch.stack([sample.pred_score for sample in found[name]])
        torch.testing.assert_close(own, scores)


def test_config_means_the_same(model):
    names = ['loss_ekd_within_kl_teacher', 'loss_ekd_within_kl_student']
    names += ['loss_ekd_cross_kl', 'loss_ekd_cross_l2', 'loss_emd', 'loss_history']
    assert list(model.transfers) == [*names, 'loss_kld_teacher']
    assert [phase.name for phase in model.phases] == ['static', 'dynamic']
    weight = model.transfers['loss_emd'].schedule
    assert [weight(Progress(epoch=epoch)) for epoch in (0, 1, 2)] == [0.0, 0.5, 1.0]
