# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A student whose blocks are replaced is validated with statistics of its own."""

import copy
import logging

import pytest
import torch
from torch import nn

from dynkd.engine.hooks import run_checks

from ..conftest import Images

PRECISE = dict(type='mmpretrain.PreciseBNHook', num_samples=8, priority='ABOVE_NORMAL')


class StillImages(Images):
    """Images that are the same in each draw."""

    def __getitem__(self, index):
        torch.manual_seed(index)
        return super().__getitem__(index)


@pytest.fixture
def iakd(runner, classifier):
    """Train a student whose blocks are replaced, all images in one batch."""

    def train(probability, hooks=(), **backbone):
        deep, own = classifier(), classifier()
        deep['backbone']['depth'] = 34
        for cfg in (deep, own):
            cfg['backbone'].update(backbone)
        streams = dict(teacher=dict(model=deep, frozen=True), student=dict(model=own))
        for stream in streams.values():
            stream['input_shape'] = (3, 32, 32)
        run = runner(
            model=dict(
                type='dynkd.InteractiveDistillation',
                streams=streams,
                interaction=dict(probability=probability),
            ),
            loading=dict(dataset=StillImages(), batch_size=8),
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
            param_scheduler=[dict(type='MultiStepLR', milestones=[1])],
            custom_hooks=[dict(type='dynkd.LearningRateHook'), *hooks],
        )
        run.train()
        return run

    return train


@pytest.mark.parametrize('hooks', [[], [PRECISE]])
def test_statistics_are_of_the_student_alone(iakd, hooks):
    run = iakd(0.1, hooks)
    student = run.model.stream('student').model
    alone = copy.deepcopy(student).train()
    for part in alone.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = 1.0
    batch = next(iter(run.train_dataloader))
    with torch.no_grad():
        alone(**alone.data_preprocessor(batch, True), mode='tensor')
    found, own = student.state_dict(), alone.state_dict()
    close = [
        torch.allclose(found[name], own[name], rtol=1e-4, atol=1e-5)
        for name in found
        if name.endswith(('running_mean', 'running_var'))
    ]
    assert all(close) if hooks else not any(close)
    weights = [name for name, _ in student.named_parameters()]
    assert all(torch.equal(found[name], own[name]) for name in weights)


def test_the_hook_changes_no_weight(iakd):
    plain, precise = iakd(0.5), iakd(0.5, [PRECISE])
    for own, other in zip(plain.model.parameters(), precise.model.parameters()):
        assert torch.equal(own, other)


@pytest.mark.parametrize(
    ('probability', 'more', 'said'),
    [
        (0.5, {}, True),
        (dict(type='LinearSchedule', start=0.5, stop=0.9), {}, True),
        (dict(type='LinearSchedule', start=0.5, stop=1.0), {}, False),
        (dict(type='ReviewSchedule', start=0.5), {}, False),
        (1.0, {}, False),
        (0.5, dict(hooks=[PRECISE]), False),
        (0.5, dict(norm_cfg=dict(type='GN', num_groups=2)), False),
    ],
)
def test_it_is_said_where_they_are_not(iakd, probability, more, said, monkeypatch):
    texts = []
    monkeypatch.setattr(
        run_checks, 'print_log', lambda text, level, **_: texts.append((text, level))
    )
    iakd(probability, **more)
    assert len(texts) == said
    for text, level in texts:
        assert level == logging.WARNING
        assert 'running statistics' in text and 'mmpretrain.PreciseBNHook' in text
