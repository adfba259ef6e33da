# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Optical flow between two frames, and how it is kept in 8-bit images."""

from typing import Any, Callable

import cv2
import numpy as np

#: Flow is truncated to so many pixels a frame in both directions (DKD, section IV-B).
FLOW_BOUND = 20.0
#: Of a frame with three channels.
CHANNEL_ORDERS = dict(rgb=cv2.COLOR_RGB2GRAY, bgr=cv2.COLOR_BGR2GRAY)
#: OpenCV's DIS reads outside of images that are smaller, or wider for their height.
DIS_SIDE, DIS_ASPECT = 16, 4


def _tvl1() -> cv2.DenseOpticalFlow:
    return cv2.optflow.DualTVL1OpticalFlow_create()  # type: ignore[attr-defined]  # not in the stubs


def _dis() -> cv2.DenseOpticalFlow:
    preset = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    return cv2.DISOpticalFlow_create(preset)  # type: ignore[attr-defined]  # not in the stubs


def _farneback() -> cv2.DenseOpticalFlow:
    return cv2.FarnebackOpticalFlow_create()  # type: ignore[attr-defined]  # not in the stubs


_CREATE: dict[str, Callable[[], cv2.DenseOpticalFlow]] = dict(
    tvl1=_tvl1, dis=_dis, farneback=_farneback
)
#: What flow can be computed by, each with OpenCV's default settings.
FLOW_METHODS = tuple(_CREATE)


def check_flow_method(method: str) -> None:
    """Check that a method of computing flow is available.

    Args:
        method (str): One of ``FLOW_METHODS``.

    Raises:
        ValueError: If there is no such method.
        ImportError: If this OpenCV does not have it.
    """
    if method not in FLOW_METHODS:
        raise ValueError(f'flow method must be one of {FLOW_METHODS}, got {method!r}')
    if method == 'tvl1' and not hasattr(cv2, 'optflow'):
        raise ImportError(
            'TV-L1 flow is in the contrib modules of OpenCV, which are not installed: '
            'pip install opencv-contrib-python (in place of opencv-python), or take '
            "the flow method 'dis' or 'farneback'"
        )


def to_grey(image: np.ndarray, channel_order: str = 'rgb') -> np.ndarray:
    """Convert a frame to grey: flow is computed from grey frames.

    Args:
        image (np.ndarray): uint8, of shape (H, W, 3), (H, W, 1) or (H, W).
        channel_order (str): ``'rgb'`` or ``'bgr'``. Defaults to ``'rgb'``.

    Returns:
        np.ndarray: uint8, of shape (H, W), contiguous.

    Raises:
        ValueError: If it is not such an image, or the order is unknown.
    """
    if channel_order not in CHANNEL_ORDERS:
        raise ValueError(
            f'channel_order must be one of {tuple(CHANNEL_ORDERS)}, got '
            f'{channel_order!r}'
        )
    channels = image.shape[2] if image.ndim == 3 else 1
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or channels not in (1, 3):
        raise ValueError(
            'flow needs frames of uint8 and shape (H, W, 3), (H, W, 1) or (H, W), got '
            f'{image.dtype} and {image.shape}'
        )
    if channels == 3:
        return cv2.cvtColor(image, CHANNEL_ORDERS[channel_order])
    return np.ascontiguousarray(image.reshape(image.shape[:2]))


def compute_flow(
    previous: np.ndarray,
    following: np.ndarray,
    method: str = 'tvl1',
    channel_order: str = 'rgb',
) -> np.ndarray:
    """Compute the optical flow from a frame to the one after it.

    Dynamic KD takes TV-L1 with OpenCV's default settings (`General Dynamic Knowledge
    Distillation`, section IV-B); DIS (OpenCV's medium preset) and Farnebäck's method
    are much faster.

    Args:
        previous (np.ndarray): A frame, uint8, of shape (H, W, 3), (H, W, 1) or (H, W).
        following (np.ndarray): The next one, of the same height and width.
        method (str): One of ``FLOW_METHODS``. Defaults to ``'tvl1'``.
        channel_order (str): Of frames with three channels, ``'rgb'`` or ``'bgr'``.
            Defaults to ``'rgb'``.

    Returns:
        np.ndarray: Where each pixel of ``previous`` goes, in pixels, float32, of shape
        (H, W, 2): u, positive to the right, and v, positive downwards.

    Raises:
        ValueError: If the frames are not images of one size, or too small for the
            method, or there is no such method.
        ImportError: If this OpenCV does not have the method.
    """
    check_flow_method(method)
    first, second = (to_grey(frame, channel_order) for frame in (previous, following))
    height, width = first.shape
    if first.shape != second.shape:
        raise ValueError(
            f'flow needs two frames of one size, got {height}x{width} and '
            f'{second.shape[0]}x{second.shape[1]}'
        )
    if method == 'dis' and (
        min(height, width) < DIS_SIDE or width > DIS_ASPECT * height
    ):
        raise ValueError(
            f"flow method 'dis' needs frames of at least {DIS_SIDE} pixels a side, "
            f'and no more than {DIS_ASPECT} times as wide as high, got {height}x{width}'
        )
    no_guess: Any = None  # a first guess of the flow, which the stubs demand
    return _CREATE[method]().calc(first, second, no_guess)


def _check_bound(bound: float) -> None:
    if not bound > 0:
        raise ValueError(f'the bound of flow must be above 0, got {bound}')


def quantise_flow(flow: np.ndarray, bound: float = FLOW_BOUND) -> np.ndarray:
    """Truncate flow to [-bound, bound] and map it to [0, 255].

    As Dynamic KD does (`General Dynamic Knowledge Distillation`, section IV-B). No
    motion is 127.5, which is rounded to 128; one step is 2 * bound / 255 pixels.

    Args:
        flow (np.ndarray): In pixels, of any shape.
        bound (float): Largest flow that is distinguished, in pixels. Defaults to 20.

    Returns:
        np.ndarray: uint8, of the same shape.

    Raises:
        ValueError: If the flow has values that are not finite, or ``bound`` is not
            above 0.
    """
    _check_bound(bound)
    if not np.isfinite(flow).all():
        raise ValueError('the flow has values that are not finite')
    scaled = (np.clip(flow, -bound, bound) + bound) * (255 / (2 * bound))
    return np.rint(scaled).astype(np.uint8)


def dequantise_flow(image: np.ndarray, bound: float = FLOW_BOUND) -> np.ndarray:
    """Map [0, 255] back to [-bound, bound].

    Args:
        image (np.ndarray): What ``quantise_flow`` returned, of any shape.
        bound (float): The bound it was stored with, in pixels. Defaults to 20.

    Returns:
        np.ndarray: Flow in pixels, float32, of the same shape; off by half a step,
        bound / 255, at most, where the flow was within the bound.

    Raises:
        ValueError: If ``bound`` is not above 0.
    """
    _check_bound(bound)
    return image.astype(np.float32) * np.float32(2 * bound / 255) - np.float32(bound)
