# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The shapes of inputs, from data pipelines."""

import pytest
from mmengine.config import Config

from dynkd.recipes.input_shapes import input_shape


def config(*pipeline: dict, wrapped: bool = False) -> Config:
    """A plain config with a data pipeline."""
    dataset = dict(type='Data', pipeline=list(pipeline))
    if wrapped:
        dataset = dict(type='RepeatDataset', dataset=dataset)
    return Config(dict(train_dataloader=dict(dataset=dataset)))


def clips(layout: str) -> Config:
    """A pipeline of videos."""
    return config(
        dict(type='SampleFrames', clip_len=4, num_clips=2),
        dict(type='Resize', scale=(-1, 256)),
        dict(type='RandomResizedCrop'),
        dict(type='Resize', scale=(112, 112), keep_ratio=False),
        dict(type='FormatShape', input_format=layout),
    )


@pytest.mark.parametrize(
    ('cfg', 'library', 'shape'),
    [
        (config(), 'mmdet', (3, 320, 320)),
        (config(), 'mmpretrain', (3, 224, 224)),
        (config(dict(type='RandomCrop', crop_size=32)), 'mmpretrain', (3, 32, 32)),
        (
            config(dict(type='mmpretrain.Resize', scale=(64, 96)), wrapped=True),
            'mmpretrain',
            (3, 64, 64),
        ),
        (clips('NCHW'), 'mmaction', (8, 3, 112, 112)),
        (clips('NCTHW'), 'mmaction', (2, 3, 4, 112, 112)),
    ],
)
def test_the_last_size_counts(cfg, library, shape):
    assert input_shape(cfg, library) == shape
