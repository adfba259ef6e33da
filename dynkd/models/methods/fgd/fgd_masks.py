# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Where the objects of an image are on a level of a feature pyramid."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Optional

import torch
from torch import Tensor


class Boxes(NamedTuple):
    """The ground-truth boxes of one image.

    Args:
        corners (Tensor): Shape (boxes, 4): x1, y1, x2, y2 in pixels of the batch.
        image_shape (tuple[int, int]): Height and width, in pixels, of what the
            features of the batch cover.
    """

    corners: Tensor
    image_shape: tuple[int, int]


#: What can be done where there are no boxes, besides loading them.
_OTHERWISE = 'set foreground=0 and background=0'


def ground_truth(
    data_samples: Optional[Sequence[Any]],
    owner: str = 'FGDLoss',
    otherwise: str = _OTHERWISE,
) -> list[Boxes]:
    """The ground-truth boxes of a batch.

    Args:
        data_samples (Sequence): MMDetection's data samples: ``gt_instances.bboxes``, a
            tensor of shape (boxes, 4) or boxes of a type that MMDetection converts to
            that, and ``batch_input_shape`` among the meta information. Without the
            latter images count as not padded, and ``img_shape`` is taken.
        owner (str): Name of the loss, for messages. Defaults to ``'FGDLoss'``.
        otherwise (str): What can be done in it without boxes, for messages. Defaults to
            what can be done in FGD.

    Returns:
        list[Boxes]: The boxes of each image; an image may have none.

    Raises:
        TypeError: If there are no data samples.
        AttributeError: If a data sample has no boxes or no shape.
        ValueError: If boxes are not described by four numbers.
    """
    if data_samples is None:
        raise TypeError(
            f'{owner}: the foreground comes from the ground-truth boxes of the data '
            'samples, but the learning stream has no data samples'
        )
    return [
        _boxes(sample, f'data sample {index} of the batch', owner, otherwise)
        for index, sample in enumerate(data_samples)
    ]


def _boxes(sample: Any, which: str, owner: str, otherwise: str) -> Boxes:
    """The boxes of one data sample."""
    bboxes = require_boxes(sample, which, owner, otherwise)
    shape = sample.get('batch_input_shape', sample.get('img_shape'))
    if shape is None:
        raise AttributeError(
            f'{owner}: {which} has neither '
            '`batch_input_shape` nor `img_shape` in its meta information, which place '
            'its boxes on the features'
        )
    height, width = shape[:2]
    return Boxes(bboxes, (height, width))


def require_boxes(
    sample: Any, which: str, owner: str = 'FGDLoss', otherwise: str = _OTHERWISE
) -> Tensor:
    """The ground-truth boxes of a data sample, which may be none.

    Args:
        sample (Any): MMDetection's data sample.
        which (str): Which one it is, for the message.
        owner (str): Name of the loss. Defaults to ``'FGDLoss'``.
        otherwise (str): What can be done in it without boxes. Defaults to what can be
            done in FGD.

    Returns:
        Tensor: Shape (boxes, 4): x1, y1, x2, y2 in pixels.

    Raises:
        AttributeError: If it does not say which boxes there are.
        ValueError: If boxes are not described by four numbers.
    """
    bboxes = getattr(getattr(sample, 'gt_instances', None), 'bboxes', None)
    if bboxes is None:
        raise AttributeError(
            f'{owner}: {which} has no `gt_instances.bboxes`, from which the '
            "foreground comes; load the boxes (`dict(type='LoadAnnotations', "
            f'with_bbox=True)`), or {otherwise}'
        )
    if hasattr(bboxes, 'convert_to'):
        bboxes = bboxes.convert_to('hbox').tensor
    if bboxes.dim() != 2 or bboxes.size(1) != 4:
        raise ValueError(
            f'{owner}: the boxes of {which} have shape {tuple(bboxes.shape)}; they '
            'must be (boxes, 4): x1, y1, x2, y2'
        )
    return bboxes


def foreground_masks(boxes: Sequence[Boxes], size: tuple[int, int]) -> Tensor:
    r"""The scale mask of the foreground, section 3.1 of `Focal and Global Knowledge
    Distillation for Detectors`.

    A box covers on the level the columns from :math:`\lfloor x_1 \rfloor` to
    :math:`\lceil x_2 \rceil` and the rows from :math:`\lfloor y_1 \rfloor` to
    :math:`\lceil y_2 \rceil`, both ends included, as in FGD's released code. Each of
    its positions counts 1 / (columns x rows), so that a large object weighs no more
    than a small one; where boxes overlap, the smallest wins. Columns and rows beyond
    the level's border are counted too, though there is nothing to compare.

    Args:
        boxes (Sequence[Boxes]): The boxes of each image.
        size (tuple[int, int]): Height and width of the level.

    Returns:
        Tensor: Shape (B, H, W) in float32: 0 where there is no box.
    """
    return torch.stack([_foreground_mask(own, size) for own in boxes])


def _foreground_mask(boxes: Boxes, size: tuple[int, int]) -> Tensor:
    """The scale mask of one image, of shape (H, W)."""
    corners = boxes.corners.detach().float()
    if not len(corners):
        return corners.new_zeros(size)
    (rows, heights), (columns, widths) = (
        _spans(corners[:, axis], corners[:, axis + 2], size[1 - axis], pixels)
        for axis, pixels in ((1, boxes.image_shape[0]), (0, boxes.image_shape[1]))
    )
    inside = rows[:, :, None] & columns[:, None, :]
    weights = 1 / (heights * widths)
    return torch.where(inside, weights[:, None, None], 0).amax(0)


def _spans(
    begin: Tensor, end: Tensor, cells: int, pixels: int
) -> tuple[Tensor, Tensor]:
    """Which cells of one axis the boxes cover, and how many, including those outside.

    Args:
        begin (Tensor): Where each box begins, in pixels, shape (boxes,).
        end (Tensor): Where each box ends.
        cells (int): Cells of the level on this axis.
        pixels (int): Pixels of the image on this axis.

    Returns:
        tuple[Tensor, Tensor]: Which are covered, shape (boxes, cells), and the number,
        shape (boxes,).
    """
    # First the product: pixels that fall on the border of two cells stay there.
    first = (begin * cells / pixels).floor()
    last = (end * cells / pixels).ceil()
    position = torch.arange(cells, device=begin.device)
    covered = (position >= first[:, None]) & (position <= last[:, None])
    return covered, last - first + 1


def background_masks(foreground: Tensor) -> Tensor:
    """The mask of the background: 1 / (their number) in each position without a box.

    Args:
        foreground (Tensor): What :func:`foreground_masks` returned, shape (B, H, W).

    Returns:
        Tensor: The same shape; each image sums to 1, or to 0 where boxes cover all.
    """
    background = (foreground == 0).to(foreground.dtype)
    return background / background.sum((1, 2), keepdim=True).clamp(min=1)
