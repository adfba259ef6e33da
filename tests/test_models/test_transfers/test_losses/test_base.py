# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch

from dynkd.models.methods.dkd import EMDLoss, MMDLoss
from dynkd.models.transfers.losses import (
    ATLoss,
    CWDLoss,
    DISTLoss,
    FeatureLoss,
    KLDLoss,
    PKDLoss,
    PKTLoss,
    RKDLoss,
    SPLoss,
    TransferLoss,
)
from dynkd.models.transfers.losses.base import channel_dim_of
from dynkd.registry import MODELS

CONFIGS = [
    {'type': 'EMDLoss', 'layout': 'spatial'},
    {'type': 'EMDLoss', 'layout': 'batch', 'p': 2, 'solver': 'sinkhorn'},
    {'type': 'KLDLoss'},
    {'type': 'KLDLoss', 'activation': 'sigmoid'},
    {'type': 'FeatureLoss'},
    {'type': 'FeatureLoss', 'kind': 'l1'},
    {'type': 'FeatureLoss', 'kind': 'cosine'},
    {'type': 'MMDLoss', 'layout': 'spatial'},
    {'type': 'ATLoss'},
    {'type': 'CWDLoss'},
    {'type': 'DISTLoss'},
    {'type': 'PKDLoss'},
    {'type': 'PKTLoss'},
    {'type': 'RKDLoss'},
    {'type': 'SPLoss'},
]
BASELINES = {ATLoss, CWDLoss, DISTLoss, PKDLoss, PKTLoss, RKDLoss, SPLoss}


def pair_of(*shape: int, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator) for _ in range(2)]


@pytest.fixture(params=CONFIGS, ids=lambda c: '-'.join(map(str, c.values())))
def loss(request):
    return MODELS.build(dict(request.param))


def test_registered_under_their_names():
    built = {type(MODELS.build(dict(config))) for config in CONFIGS}
    assert built == {EMDLoss, FeatureLoss, KLDLoss, MMDLoss} | BASELINES


def test_levels_are_summed_and_weighted(loss):
    levels = [pair_of(2, 4, size, size, seed=size) for size in (2, 3)]
    single = [loss(target, source) for target, source in levels]
    loss.loss_weight = 0.3
    targets, sources = zip(*levels, strict=True)
    assert torch.allclose(loss(targets, list(sources)), 0.3 * sum(single))


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_gives_the_float32_value(loss, dtype):
    target, source = (x.to(dtype) for x in pair_of(2, 4, 3, 3))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        half = loss(target, source)
    assert half.dtype == torch.float32
    assert half.item() == loss(target.float(), source.float()).item()


def test_float64_stays_float64(loss):
    target, source = pair_of(2, 4, 3, 3)
    assert loss(target.double(), source).dtype == torch.float64


def test_gradient_reaches_both_sides(loss):
    target, source = (x.requires_grad_() for x in pair_of(3, 4, 3, 3))
    loss(target, source).backward()
    for side in (target, source):
        assert side.grad.isfinite().all()
        assert side.grad.flatten(1).abs().sum(1).gt(0).all()


def test_half_gradient_comes_back_in_half(loss):
    target, source = (x.bfloat16().requires_grad_() for x in pair_of(2, 4, 3, 3))
    loss(target, source).backward()
    assert target.grad.dtype == torch.bfloat16


def test_values_that_are_not_finite_give_nan_instead_of_a_crash(loss):
    target, source = pair_of(2, 4, 3, 3)
    target[0, 0, 0, 0] = float('nan')
    assert loss(target, source).isnan()


def test_zeros_give_zero(loss):
    zeros = torch.zeros(2, 4, 3, 3)
    if getattr(loss, 'kind', None) == 'cosine':
        assert loss(zeros, zeros) == 1
    else:
        assert loss(zeros, zeros) == pytest.approx(0, abs=1e-6)


def test_unequal_number_of_levels(loss):
    target, source = pair_of(2, 4, 3, 3)
    with pytest.raises(ValueError, match=r'target has 2 level\(s\) and the source 1'):
        loss([target, target], [source])


def test_no_levels(loss):
    with pytest.raises(ValueError, match='the target has no levels'):
        loss([], [])


@pytest.mark.parametrize('bad', [torch.ones(2, 4, dtype=torch.long), ['text']])
def test_not_floating_point(loss, bad):
    with pytest.raises(ValueError, match='the source must be a floating-point tensor'):
        loss(torch.ones(2, 4), bad)


def test_extra_arguments_reach_level_loss():
    class Extra(TransferLoss):
        def forward(self, target, source, data_samples):
            return super().forward(target, source, data_samples=data_samples)

        def level_loss(self, target, source, data_samples):
            return target.sum() * len(data_samples)

    assert Extra(2.0)(torch.ones(3), torch.ones(3), data_samples=[0, 0]) == 12


def test_extra_arguments_are_not_swallowed():
    class Plain(TransferLoss):
        def level_loss(self, target, source):
            return target.sum()

    with pytest.raises(TypeError, match='data_samples'):
        Plain()(torch.ones(3), torch.ones(3), data_samples=[])


@pytest.mark.parametrize(
    ('shape', 'given', 'found'),
    [
        ((2, 3), None, 1),
        ((2, 3, 4), None, 2),
        ((2, 3, 4), 1, 1),
        ((2, 3, 4, 5), None, 1),
        ((2, 3, 4, 5), -1, 3),
        ((2, 3, 4, 5, 6), None, 1),
    ],
)
def test_channel_dim(shape, given, found):
    assert channel_dim_of(torch.empty(shape), given) == found


@pytest.mark.parametrize(('shape', 'given'), [((2,), None), ((2, 3), 2), ((2, 3), 0)])
def test_channel_dim_that_does_not_exist(shape, given):
    with pytest.raises(ValueError, match='has no channels in dimension'):
        channel_dim_of(torch.empty(shape), given)


def test_several_taps_with_several_levels_are_summed():
    taps = [[torch.randn(2, 3, n, n) for n in (4, 2)] for _ in range(4)]
    targets, sources = taps[:2], taps[2:]
    loss = FeatureLoss()
    found = loss(targets, sources)
    apart = [loss(own, other) for own, other in zip(targets, sources)]
    assert found == pytest.approx(float(sum(apart)), rel=1e-6)
    with pytest.raises(ValueError, match='the source 3'):
        loss(targets, [sources[0], sources[1][:1]])
