# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Flow of known motion, its signs, and what is left of it in 8 bits."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.datasets.flow import (
    FLOW_METHODS,
    check_flow_method,
    compute_flow,
    dequantise_flow,
    quantise_flow,
    to_grey,
)


def texture(height, width, seed=0):
    """A smooth texture, so that motion can be seen everywhere."""
    noise = np.random.RandomState(seed).rand(height, width, 3)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    low, high = smooth.min(), smooth.max()
    return np.rint((smooth - low) / (high - low) * 255).astype(np.uint8)


def moved(u, v, height=48, width=60):
    """Two frames; what they show moves u pixels to the right and v downwards."""
    margin = 8
    whole = texture(height + 2 * margin, width + 2 * margin)
    first = whole[margin : margin + height, margin : margin + width]
    top, left = margin - v, margin - u
    return first, whole[top : top + height, left : left + width]


@pytest.mark.parametrize('method', FLOW_METHODS)
@pytest.mark.parametrize(('u', 'v'), [(3, 0), (-3, 0), (0, 2), (0, -2), (2, -1)])
def test_flow_is_the_motion_with_its_signs(method, u, v):
    flow = compute_flow(*moved(u, v), method)
    assert flow.shape == (48, 60, 2) and flow.dtype == np.float32
    inner = flow[8:-8, 8:-8].reshape(-1, 2)
    assert np.abs(np.median(inner, axis=0) - (u, v)).max() < 0.15
    # The mean over the pixels, which an image half wrong would miss.
    assert np.abs(inner - (u, v)).mean() < 0.5


@pytest.mark.parametrize('method', FLOW_METHODS)
def test_no_motion_is_no_flow(method):
    image = texture(33, 47)
    flow = np.abs(compute_flow(image, image.copy(), method))
    # Farnebäck's method errs at the borders.
    assert flow[8:-8, 8:-8].max() < 0.02
    assert method == 'farneback' or flow.max() < 1e-3
    flat = np.full((32, 40), 90, np.uint8)
    assert np.abs(compute_flow(flat, flat, method)).max() < 1e-3


@pytest.mark.parametrize('method', FLOW_METHODS)
@pytest.mark.parametrize('shape', [(33, 47), (47, 33), (16, 16), (17, 64)])
def test_odd_sizes(method, shape):
    first, second = moved(1, 0, *shape)
    flow = compute_flow(first, second, method)
    assert flow.shape == (*shape, 2) and np.isfinite(flow).all()


def test_tvl1_is_opencvs_with_its_defaults():
    first, second = moved(2, 1)
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second)]
    expected = cv2.optflow.DualTVL1OpticalFlow_create().calc(*grey, None)
    assert (compute_flow(first, second) == expected).all()


def test_grey_frames_are_taken_as_they_are():
    first, second = (to_grey(image) for image in moved(2, 1))
    expected = compute_flow(first, second, 'farneback')
    shaped = compute_flow(first[..., None], second[..., None], 'farneback')
    assert (shaped == expected).all()
    # Slices are not contiguous, which not every method of OpenCV takes.
    wide = np.zeros((48, 120), np.uint8)
    wide[:, ::2] = second
    for method in FLOW_METHODS:
        found = compute_flow(first, wide[:, ::2], method)
        assert (found == compute_flow(first, second, method)).all()


def test_order_of_the_channels_counts():
    first, second = moved(2, 1)
    expected = compute_flow(first, second, 'dis')
    swapped = [np.ascontiguousarray(image[..., ::-1]) for image in (first, second)]
    assert (compute_flow(*swapped, 'dis', channel_order='bgr') == expected).all()
    red = np.zeros((1, 1, 3), np.uint8)
    red[..., 0] = 200
    assert to_grey(red, 'rgb')[0, 0] == round(0.299 * 200)
    assert to_grey(red, 'bgr')[0, 0] == round(0.114 * 200)


def test_known_values_in_8_bits():
    flow = np.array([-99.0, -20.0, -10.0, 0.0, 10.0, 20.0, 99.0], np.float32)
    assert quantise_flow(flow).tolist() == [0, 0, 64, 128, 191, 255, 255]
    assert quantise_flow(flow, bound=10).tolist() == [0, 0, 0, 128, 255, 255, 255]
    back = dequantise_flow(np.array([0, 51, 255], np.uint8))
    assert back.dtype == np.float32
    assert np.allclose(back, [-20, -12, 20])


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.floats(-60, 60, width=32), min_size=1, max_size=9),
    st.floats(0.5, 50),
)
def test_half_a_step_is_lost_within_the_bound(values, bound):
    flow = np.array(values, np.float32)
    image = quantise_flow(flow, bound)
    assert image.dtype == np.uint8 and image.shape == flow.shape
    expected = np.clip(flow.astype(float), -bound, bound)
    step = 2 * bound / 255
    assert np.abs(dequantise_flow(image, bound) - expected).max() <= step / 2 * 1.001
    # A flip negates u, which is 255 less the image, but for the rounding of halves.
    flipped = quantise_flow(-flow, bound).astype(int)
    assert np.abs(flipped - (255 - image.astype(int))).max() <= 1


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (([48, 60, 3], [48, 61, 3], 'dis'), 'one size, got 48x60 and 48x61'),
        (([48, 60, 2], [48, 60, 2], 'dis'), r'got uint8 and \(48, 60, 2\)'),
        (([48], [48], 'tvl1'), r'got uint8 and \(48,\)'),
        (([15, 60], [15, 60], 'dis'), 'at least 16 pixels a side.*got 15x60'),
        (([16, 65], [16, 65], 'dis'), '4 times as wide as high, got 16x65'),
        (([48, 60], [48, 60], 'raft'), "'tvl1', 'dis', 'farneback'.*got 'raft'"),
        (([48, 60], [48, 60], 'dis', 'yuv'), "'rgb', 'bgr'.*got 'yuv'"),
    ],
)
def test_bad_frames_are_named(arguments, message):
    first, second, *rest = arguments
    with pytest.raises(ValueError, match=message):
        compute_flow(np.zeros(first, np.uint8), np.zeros(second, np.uint8), *rest)


def test_frames_must_be_bytes():
    with pytest.raises(ValueError, match='got float32'):
        compute_flow(np.zeros((48, 60), np.float32), np.zeros((48, 60), np.uint8))


def test_flow_must_be_finite_and_the_bound_positive():
    with pytest.raises(ValueError, match='not finite'):
        quantise_flow(np.array([0.0, np.nan]))
    for function in (quantise_flow, dequantise_flow):
        with pytest.raises(ValueError, match='above 0, got 0'):
            function(np.zeros(2, np.uint8), bound=0)


def test_opencv_without_contrib_says_what_to_install(monkeypatch):
    monkeypatch.delattr(cv2, 'optflow')
    with pytest.raises(ImportError, match='pip install opencv-contrib-python'):
        check_flow_method('tvl1')
    check_flow_method('dis')
