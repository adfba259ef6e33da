# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Training data of a figure are loaded as validation data are."""

import pytest
from mmengine.config import Config

TRAIN = [dict(type='LoadImageFromFile'), dict(type='RandomFlip', prob=0.5)]
VAL = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=8)]
OWN = dict(type='CustomDataset', data_root='a', pipeline=TRAIN)
PLAIN = dict(OWN, pipeline=VAL)


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/data_config')


@pytest.mark.parametrize(
    ('dataset', 'found'),
    [
        (OWN, PLAIN),
        (dict(type='RepeatDataset', times=3, dataset=OWN), PLAIN),
        (
            dict(type='mmdet.MultiImageMixDataset', dataset=OWN, pipeline=TRAIN),
            PLAIN,
        ),
        (
            dict(type='ConcatDataset', datasets=[OWN, dict(OWN, data_root='b')]),
            dict(type='ConcatDataset', datasets=[PLAIN, dict(PLAIN, data_root='b')]),
        ),
        (
            dict(type='KFoldDataset', fold=1, dataset=OWN),
            dict(type='KFoldDataset', fold=1, dataset=PLAIN),
        ),
    ],
)
@pytest.mark.parametrize('split', ['val', 'test'])
def test_the_pipeline_of_a_validation_stands_in(tool, dataset, found, split):
    cfg = Config(
        {
            'train_dataloader': dict(batch_size=4, dataset=dataset),
            f'{split}_dataloader': dict(dataset=PLAIN),
        }
    )
    before = cfg.pretty_text
    assert tool.loader_config(cfg, 'train', 'a.py') == dict(batch_size=4, dataset=found)
    assert cfg.pretty_text == before
    assert tool.loader_config(cfg, split, 'a.py') == dict(dataset=PLAIN)


def test_what_is_missing_is_named(tool):
    cfg = Config(dict(train_dataloader=dict(dataset=OWN)))
    with pytest.raises(SystemExit, match='a.py has no val_dataloader, by whose pipel'):
        tool.loader_config(cfg, 'train', 'a.py')
    with pytest.raises(SystemExit, match='a.py has no test_dataloader'):
        tool.loader_config(cfg, 'test', 'a.py')
