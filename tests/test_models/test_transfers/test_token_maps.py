# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tokens of Vision Transformers are maps where a transfer needs maps."""

import pytest
import torch
from torch import nn

from dynkd.models.transfers.connectors import ChannelAligner
from dynkd.models.transfers.token_maps import takes_maps
from dynkd.registry import MODELS

#: With as many channels and positions, on images of 64 x 64.
BLOCK, STAGE = 'backbone.layers.1', 'backbone.layer2'
PRIOR = dict(
    type='PriorKnowledge',
    student_channels=16,
    teacher_channels=16,
    embed_dims=16,
    encoder_depth=1,
    decoder_depth=1,
    num_heads=2,
)
ALIGNER = dict(type='ChannelAligner', in_channels=16, out_channels=16)
MSE = dict(type='FeatureLoss')


@pytest.fixture
def loss_of(build, classifier, vision_transformer, cls_batch):
    """The loss of a transfer between a ViT and a CNN, with the same weights always."""

    def compute(learner: str, batch=None, **transfer) -> torch.Tensor:
        models = dict(vit=(vision_transformer(), BLOCK), cnn=(classifier(), STAGE))
        student, target = models.pop(learner)
        ((teacher, source),) = models.values()
        torch.manual_seed(0)
        model = build(
            dict(model=teacher),
            dict(model=student),
            transfers=dict(
                loss_x=dict(
                    source=f'teacher.{source}', target=f'student.{target}', **transfer
                )
            ),
        )
        torch.manual_seed(1)
        return model(**batch or cls_batch(size=8), mode='loss')['loss_x']

    return compute


CASES = {
    'FeatureLoss': dict(loss=MSE),
    'EMDLoss': dict(loss=dict(type='EMDLoss', layout='spatial')),
    'CWDLoss': dict(loss=dict(type='CWDLoss')),
    'MGDLoss': dict(loss=dict(type='MGDLoss', channels=16)),
    'SPLoss': dict(loss=dict(type='SPLoss')),
    'PriorKnowledge': dict(connector=PRIOR, loss=MSE),
    'ResolutionAligner': dict(connector=dict(type='ResolutionAligner'), loss=MSE),
}


@pytest.mark.parametrize('learner', ['vit', 'cnn'])
@pytest.mark.parametrize('case', CASES)
def test_the_loss_is_that_of_tokens_to_map(loss_of, learner, case):
    side = 'target_connector' if learner == 'vit' else 'source_connector'
    found = loss_of(learner, **CASES[case])
    named = loss_of(learner, **CASES[case], **{side: dict(type='TokensToMap')})
    assert torch.equal(found, named) and found.requires_grad


def test_connectors_of_tokens_and_of_maps(loss_of):
    """What maps each position by itself may do so before the layout or after it."""
    tokens, maps = ChannelAligner(16, 16, dims=0), ChannelAligner(16, 16, dims=2)
    conv, linear = maps.layers[0].conv, tokens.layers[0][0]
    conv.weight.data = linear.weight.data[..., None, None].clone()
    conv.bias.data = linear.bias.data.clone()
    found = [loss_of('vit', target_connector=own, loss=MSE) for own in (tokens, maps)]
    torch.testing.assert_close(*found)


def test_the_grid_follows_the_images(loss_of, cls_batch):
    batch = cls_batch(size=8)
    batch['inputs'] = batch['inputs'][..., :32]
    whole, half = loss_of('cnn', loss=MSE), loss_of('cnn', batch, loss=MSE)
    assert torch.isfinite(half) and half != whole


def test_two_sides_of_tokens(build, vision_transformer, cls_batch):
    """They stay tokens, class token included, unless what receives them takes maps."""
    taps = dict(source=f'teacher.{BLOCK}', target=f'student.{BLOCK}')
    plain, prior = (
        build(
            dict(model=vision_transformer()),
            dict(model=vision_transformer()),
            transfers=dict(loss_x=dict(taps, **more)),
        )
        for more in (dict(loss=MSE), dict(connector=PRIOR, loss=MSE))
    )
    shapes = []
    for model in (plain, prior):
        loss = model.transfers['loss_x'].loss
        loss.register_forward_pre_hook(lambda _, args: shapes.append(args[0].shape))
        model(**cls_batch(size=8), mode='loss')
    assert shapes == [(8, 65, 16), (8, 16, 8, 8)]


def test_several_taps_and_an_ensemble(build, classifier, vision_transformer, cls_batch):
    vit = vision_transformer
    streams = dict(
        first=dict(model=vit(), frozen=True),
        second=dict(model=vit(with_cls_token=False, out_type='avg_featmap')),
        student=dict(model=classifier()),
    )
    target = f'student.{STAGE}'
    both = dict(source=[f'first.{BLOCK}', f'second.{BLOCK}'], target=target, loss=MSE)
    blocks = [f'first.{BLOCK}', 'first.backbone.layers.0']
    mean = dict(type='Ensemble')
    one = dict(source=blocks, target=target, ensemble=mean, loss=MSE)
    model = build(streams=streams, transfers=dict(loss_both=both, loss_one=one))
    losses = model(**cls_batch(), mode='loss')
    assert losses['loss_both'] > 0 and losses['loss_one'] > 0


def test_tokens_of_an_unknown_grid(loss_of, monkeypatch):
    """The error names the connector that lays them out."""
    place = 'dynkd.models.taps.patches.find_patch_embed'
    monkeypatch.setattr(place, lambda model: None)
    with pytest.raises(ValueError, match="source_connector=dict.type='TokensToMap'"):
        loss_of('cnn', loss=MSE)
    with pytest.raises(ValueError, match="target_connector=dict.type='TokensToMap'"):
        loss_of('vit', connector=PRIOR, loss=MSE)
    with pytest.raises(ValueError, match='TokensToMap makes a map of tokens'):
        loss_of('vit', target_connector=ALIGNER, loss=MSE)


@pytest.mark.parametrize(
    ('part', 'maps'),
    [
        (PRIOR, True),
        (ALIGNER, True),
        (dict(ALIGNER, dims=0), False),
        (dict(type='ResolutionAligner'), True),
        (dict(type='TokensToMap'), False),
        (dict(type='FGDLoss', foreground=1e-3, background=1e-3), True),
        (dict(type='MGDLoss', channels=4), True),
        (dict(type='HCLLoss'), True),
        (dict(type='VIDLoss', target_channels=4, source_channels=4), False),
        (dict(type='EMDLoss', layout='spatial'), False),
    ],
)
def test_which_parts_take_maps(part, maps):
    assert takes_maps(MODELS.build(part)) is maps


def test_of_others_convolutions_tell():
    assert takes_maps(nn.Sequential(nn.ReLU(), nn.Conv2d(3, 3, 1)))
    assert not takes_maps(nn.Linear(3, 3)) and not takes_maps(None)
