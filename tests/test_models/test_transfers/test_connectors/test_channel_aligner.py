# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch

from dynkd.models.transfers.connectors import ChannelAligner
from dynkd.registry import MODELS


@pytest.mark.parametrize(
    ('dims', 'shape'),
    [
        (0, (2, 4)),
        (0, (2, 5, 4)),
        (1, (2, 4, 5)),
        (2, (2, 4, 5, 6)),
        (3, (2, 4, 2, 5, 6)),
    ],
)
def test_changes_channels_and_nothing_else(dims, shape):
    aligner = MODELS.build(
        {'type': 'ChannelAligner', 'in_channels': 4, 'out_channels': 7, 'dims': dims}
    )
    found = aligner(torch.randn(shape))
    expected = list(shape)
    expected[1 if dims else -1] = 7
    assert list(found.shape) == expected


def test_is_a_linear_map_of_each_position():
    aligner = ChannelAligner(3, 5)
    feature = torch.randn(2, 3, 4, 4)
    layer = aligner.layers[0].conv
    expected = torch.einsum('oc,bchw->bohw', layer.weight[:, :, 0, 0], feature)
    expected = expected + layer.bias[:, None, None]
    assert torch.allclose(aligner(feature), expected, atol=1e-6)


def test_kernel_keeps_the_resolution():
    assert ChannelAligner(3, 5, 3)(torch.randn(2, 3, 4, 6)).shape == (2, 5, 4, 6)


def test_levels_share_a_convolution():
    aligner = ChannelAligner(3, 5)
    levels = [torch.randn(2, 3, size, size) for size in (2, 4, 8)]
    found = aligner(tuple(levels))
    assert len(aligner.layers) == 1
    for level, one in zip(levels, found, strict=True):
        assert torch.equal(one, aligner(level))


def test_levels_with_a_convolution_each():
    aligner = ChannelAligner(3, 5, num_levels=2)
    level = torch.randn(2, 3, 4, 4)
    first, second = aligner([level, level])
    assert torch.equal(first, aligner.layers[0](level))
    assert torch.equal(second, aligner.layers[1](level))
    assert not torch.allclose(first, second)


@pytest.mark.parametrize(
    ('dims', 'norm', 'shape'),
    [(0, 'BN1d', (8, 3)), (2, 'BN', (8, 3, 4, 4)), (3, 'BN3d', (8, 3, 2, 4, 4))],
)
def test_norm_and_activation(dims, norm, shape):
    aligner = ChannelAligner(
        3, 5, dims=dims, norm_cfg={'type': norm}, act_cfg={'type': 'ReLU'}
    )
    found = aligner(torch.randn(shape))
    assert found.min() == 0
    assert not any(
        name.endswith(('conv.bias', '0.0.bias')) for name in aligner.state_dict()
    )
    centred = ChannelAligner(3, 5, dims=dims, norm_cfg={'type': norm})
    means = centred(torch.randn(shape)).transpose(0, 1).flatten(1).mean(1)
    assert torch.allclose(means, torch.zeros(5), atol=1e-5)


def test_init_cfg_is_applied():
    aligner = ChannelAligner(
        3, 5, init_cfg={'type': 'Constant', 'layer': 'Conv2d', 'val': 0.5, 'bias': 1.0}
    )
    aligner.init_weights()
    found = aligner(torch.ones(1, 3, 2, 2))
    assert torch.equal(found, torch.full((1, 5, 2, 2), 2.5))


def test_learns():
    aligner = ChannelAligner(3, 5)
    aligner(torch.randn(2, 3, 4, 4)).square().sum().backward()
    assert all(
        p.grad is not None and p.grad.abs().sum() > 0 for p in aligner.parameters()
    )


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'dims': 4}, 'dims must be 0, 1, 2 or 3, got 4'),
        ({'kernel_size': 2}, 'kernel_size must be odd'),
        ({'kernel_size': 3, 'dims': 0}, 'and 1 where dims=0, got 3'),
        ({'num_levels': 0}, '`num_levels` must be at least 1'),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        ChannelAligner(3, 5, **arguments)


@pytest.mark.parametrize(
    ('dims', 'shape', 'message'),
    [
        (2, (2, 4, 5, 5), 'has 4 channels, but in_channels=3'),
        (0, (2, 4), 'has 4 channels, but in_channels=3'),
        (2, (2, 3), r'dims=2 is for 4-D \(B, C, H, W\) features'),
        (3, (2, 3, 4, 4), 'dims=3 is for 5-D'),
    ],
)
def test_features_that_do_not_fit(dims, shape, message):
    with pytest.raises(ValueError, match=message):
        ChannelAligner(3, 5, dims=dims)(torch.zeros(shape))


def test_unequal_number_of_levels():
    with pytest.raises(ValueError, match=r'got 1 level\(s\), but num_levels=2'):
        ChannelAligner(3, 5, num_levels=2)([torch.zeros(1, 3, 2, 2)])
