# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Recognizers, their clips and those of segmentors, and pairs of features."""

from typing import Any, Callable

import pytest
import torch

from .oracles import ROUNDING, documented


@pytest.fixture(scope='session')
def features() -> Callable[..., list[torch.Tensor]]:
    """Two features of a shape, standard normal, in float64."""

    def make(*shape: int, seed: int = 0) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return [
            torch.randn(shape, generator=generator, dtype=torch.float64) for _ in 'ab'
        ]

    return make


@pytest.fixture(scope='session')
def agrees(pytestconfig: pytest.Config) -> Callable[..., None]:
    """Compare a loss with its oracle: the relative error must be of the order that
    `docs/losses.md` names for it."""
    rows = documented()
    measured: dict[str, float] = getattr(pytestconfig, 'oracle_errors', {})

    def check(name: str, found: float, expected: Any, least: float = 0.0) -> None:
        error = abs(found - expected) / max(abs(expected), least)
        measured[name] = max(measured.get(name, 0.0), error)
        assert name in rows, f'docs/losses.md has no row for the error of {name}'
        # Processors round differently: ten times as much is still what the page says.
        assert error <= max(10 * rows[name].error, ROUNDING), (found, expected)

    return check


@pytest.fixture(scope='session')
def recognizer() -> Callable[..., dict]:
    """Config of a small recognizer of MMAction2."""

    def config(kind: str = 'Recognizer2D') -> dict:
        preprocessor = dict(
            type='ActionDataPreprocessor',
            mean=[127.5] * 3,
            std=[63.75] * 3,
            format_shape='NCHW' if kind == 'Recognizer2D' else 'NCTHW',
        )
        if kind == 'Recognizer2D':
            backbone = dict(type='ResNet', depth=18, pretrained=None, norm_eval=False)
            head = dict(type='TSNHead', in_channels=512)
        else:
            backbone = dict(
                type='ResNet3d',
                pretrained=None,
                pretrained2d=False,
                depth=18,
                base_channels=8,
                conv1_kernel=(3, 3, 3),
                inflate=(0, 0, 0, 0),
            )
            head = dict(type='I3DHead', in_channels=64, spatial_type='avg')
        return dict(
            type=f'mmaction.{kind}',
            backbone=backbone,
            cls_head=dict(head, num_classes=5, dropout_ratio=0.5),
            data_preprocessor=preprocessor,
        )

    return config


@pytest.fixture(scope='session')
def clip_batch() -> Callable[..., dict]:
    """A batch of two labelled clips."""

    def batch(shape: tuple[int, ...] = (2, 3, 32, 32)) -> dict:
        from mmaction.structures import ActionDataSample

        inputs = [torch.randint(0, 256, shape, dtype=torch.uint8) for _ in range(2)]
        samples = [ActionDataSample().set_gt_label(label) for label in (0, 3)]
        return dict(inputs=inputs, data_samples=samples)

    return batch


@pytest.fixture(scope='session')
def seg_batch() -> Callable[..., dict]:
    """A batch of two images whose pixels are labelled."""

    def batch(num_classes: int = 4, side: int = 64) -> dict:
        from mmengine.structures import PixelData
        from mmseg.structures import SegDataSample

        shape = (3, side, side)
        inputs = [torch.randint(0, 256, shape, dtype=torch.uint8) for _ in range(2)]
        shapes = dict.fromkeys(('img_shape', 'ori_shape', 'pad_shape'), (side, side))
        samples = [SegDataSample(metainfo=dict(shapes)) for _ in range(2)]
        for sample in samples:
            labels = torch.randint(0, num_classes, (1, side, side))
            labels[:, :8] = 255  # without a label
            sample.gt_sem_seg = PixelData(data=labels)
        return dict(inputs=inputs, data_samples=samples)

    return batch
