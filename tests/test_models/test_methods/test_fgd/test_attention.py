# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch

from dynkd.models.methods.fgd.attention import channel_attention, spatial_attention


def softmax(values):
    top = max(values)
    shares = [math.exp(value - top) for value in values]
    return [share / sum(shares) for share in shares]


@pytest.mark.parametrize('temperature', [0.5, 2.0])
def test_spatial_attention_in_loops(temperature):
    feature = torch.randn(2, 3, 2, 4).double()
    found = spatial_attention(feature, temperature)
    assert found.shape == (2, 1, 2, 4)
    for image, values in zip(feature, found):
        strengths = [
            sum(abs(image[k, i, j].item()) for k in range(3)) / 3 / temperature
            for i in range(2)
            for j in range(4)
        ]
        expected = [8 * share for share in softmax(strengths)]
        assert values.flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize('temperature', [0.5, 2.0])
def test_channel_attention_in_loops(temperature):
    feature = torch.randn(2, 3, 2, 4).double()
    found = channel_attention(feature, temperature)
    assert found.shape == (2, 3, 1, 1)
    for image, values in zip(feature, found):
        strengths = [
            sum(map(abs, channel.flatten().tolist())) / 8 / temperature
            for channel in image
        ]
        expected = [3 * share for share in softmax(strengths)]
        assert values.flatten().tolist() == pytest.approx(expected)


@pytest.mark.parametrize('attend', [spatial_attention, channel_attention])
def test_mean_is_one_and_a_constant_feature_is_attended_evenly(attend):
    assert attend(torch.randn(2, 4, 3, 5).double(), 0.5).mean().item() == 1
    even = attend(torch.full((2, 4, 3, 5), -7.0).double(), 0.5)
    assert torch.allclose(even, torch.ones_like(even))
