# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The remedy in a message is one that works."""

import re

import pytest
import torch

from dynkd.models.methods.dkd import EMDLoss
from dynkd.models.methods.dpk import PriorKnowledge
from dynkd.models.transfers.connectors import ChannelAligner, TokensToMap
from dynkd.models.transfers.losses import FeatureLoss

MAP, CLIPS = torch.rand(2, 8, 4, 4), torch.rand(2, 8, 2, 4, 4)
LOSSES = {
    'mse': FeatureLoss(),
    'spatial': EMDLoss('spatial'),
    'channel': EMDLoss('channel'),
}


def named(text: str, connector: str):
    """Build the connector that a message names."""
    found = re.search(rf"dict\(type='({connector})'(.*?)\)", str(text))
    assert found, text
    kind = dict(TokensToMap=TokensToMap, ChannelAligner=ChannelAligner)[connector]
    return kind(**eval(f'dict({found.group(2).lstrip(", ")})'))


@pytest.mark.parametrize(
    'loss, extra', [('mse', 0), ('mse', 1), ('channel', 1), ('channel', 2)]
)
def test_tokens_against_a_map(loss, extra):
    tokens = torch.rand(2, 16 + extra, 8)
    for sides, side in (((tokens, MAP), 'target'), ((MAP, tokens), 'source')):
        with pytest.raises(ValueError, match=f'{side}_connector=dict') as raised:
            LOSSES[loss](*sides)
        connector = named(raised.value, 'TokensToMap')
        both = [connector(x) if x is tokens else x for x in sides]
        assert LOSSES[loss](*both) > 0


def test_tokens_of_an_oblong_grid():
    with pytest.raises(ValueError, match=r'grid_size=\(rows, columns\)'):
        FeatureLoss()(torch.rand(2, 35, 8), MAP)


@pytest.mark.parametrize('loss', ['mse', 'spatial', 'channel'])
def test_frames_against_clips(loss):
    """TSM folds the frames into the batch, SlowOnly does not."""
    frames = torch.rand(4, 8, 4, 4)
    if loss == 'spatial':
        frames = torch.rand(4, 6, 4, 4)
    with pytest.raises(ValueError, match='one side is of frames.*`cls_head`'):
        LOSSES[loss](frames, CLIPS)


@pytest.mark.parametrize('loss', ['mse', 'spatial'])
@pytest.mark.parametrize('shape', [(2, 6), (2, 16, 6), (2, 6, 4, 4), (2, 6, 2, 4, 4)])
def test_channels_of_features_of_any_rank(loss, shape):
    target = torch.rand(shape)
    other = list(shape)
    other[2 if len(shape) == 3 else 1] = 8
    source = torch.rand(other)
    with pytest.raises(ValueError, match='ChannelAligner') as raised:
        LOSSES[loss](target, source)
    assert LOSSES[loss](named(raised.value, 'ChannelAligner')(target), source) > 0


def test_prior_knowledge_on_tokens():
    module = PriorKnowledge(student_channels=8, teacher_channels=8, patch_size=1)
    tokens = torch.rand(4, 17, 8)
    with pytest.raises(ValueError, match='target_connector=dict') as raised:
        module(tokens, torch.rand(4, 8, 4, 4))
    as_map = named(raised.value, 'TokensToMap')(tokens)
    assert module(as_map, torch.rand(4, 8, 4, 4)).shape == (4, 8, 4, 4)
    with pytest.raises(ValueError, match='source_connector=dict'):
        module(as_map, tokens)


def test_an_aligner_for_maps_on_tokens():
    with pytest.raises(ValueError, match='dims=0.*TokensToMap makes a map of tokens'):
        ChannelAligner(in_channels=8, out_channels=4)(torch.rand(2, 17, 8))
