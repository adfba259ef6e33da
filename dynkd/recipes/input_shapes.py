# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The shape of the inputs that a config's data pipeline makes."""

from collections.abc import Iterator, Mapping
from typing import Any, Optional

from mmengine.config import Config

from dynkd.utils import type_name

#: Side of the images on which detectors are looked at. SSD300 needs 300.
DETECTOR_SIDE = 320
#: Side of the images on which segmentors are looked at, whatever their crops: as large
#: as to have several positions at stride 32.
SEGMENTOR_SIDE = 128
#: Side of images where the pipeline does not say.
DEFAULT_SIDE = 224


def input_shape(cfg: Config, kind: str) -> tuple[int, ...]:
    """The shape of one input of a config's training, without the batch.

    Args:
        cfg (Config): The config of a plain training.
        kind (str): ``'mmdet'``, ``'mmpretrain'``, ``'mmaction'`` or ``'mmseg'``.

    Returns:
        tuple of int: (channels, rows, columns) of images, with the clips before and
        the frames of a 3-D network's input between for videos.
    """
    if kind == 'mmdet':
        return (3, DETECTOR_SIDE, DETECTOR_SIDE)
    if kind == 'mmseg':
        return (3, SEGMENTOR_SIDE, SEGMENTOR_SIDE)
    steps = list(_steps(_pipeline(cfg)))
    side = _side(steps) or DEFAULT_SIDE
    if kind != 'mmaction':
        return (3, side, side)
    frames, clips, layout = 1, 1, 'NCHW'
    for step in steps:
        if 'SampleFrames' in step['type']:
            frames, clips = step.get('clip_len', 1), step.get('num_clips', 1)
        if step['type'] == 'FormatShape':
            layout = step.get('input_format', layout)
    if layout == 'NCTHW':
        return (clips, 3, frames, side, side)
    return (clips * frames, 3, side, side)


def _pipeline(cfg: Config) -> list:
    """The training's data pipeline, also behind wrappers of the data set."""
    found = cfg.get('train_dataloader', {}).get('dataset', {})
    while 'pipeline' not in found and 'dataset' in found:
        found = found['dataset']
    return found.get('pipeline') or cfg.get('train_pipeline') or []


def _steps(pipeline: Any) -> Iterator[Mapping]:
    """The steps of a pipeline, also inside others."""
    for step in pipeline:
        if isinstance(step, Mapping):
            yield {**step, 'type': type_name(step)}
            yield from _steps(step.get('transforms') or ())


def _side(steps: list) -> Optional[int]:
    """The side of the images that the last step with a size leaves."""
    side = None
    for step in steps:
        size = step.get('scale', step.get('crop_size', step.get('size')))
        if isinstance(size, (tuple, list)):
            sides = [value for value in size if isinstance(value, int) and value > 0]
            size = min(sides) if sides else None
        if isinstance(size, int) and size > 0:
            side = size
    return side
