# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Images of a low resolution."""

from typing import Any

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform

from dynkd.registry import TRANSFORMS
from dynkd.utils.kinds import Count

#: Interpolations for reducing an image.
INTERPOLATIONS = ('area', 'bicubic')
#: Interpolation for enlarging an image.
ENLARGING = 'bicubic'


@TRANSFORMS.register_module()
class LowResolution(BaseTransform):
    """Reduce an image to ``size`` x ``size`` pixels.

    For the low-resolution experiments of `Student Network Learning via Evolutionary
    Knowledge Distillation` (section IV-F), where the networks receive images of
    16x16. The paper does not say how these are made; ``'area'`` is ours.

    An image that is not square is squeezed into one. One that is smaller already is
    enlarged, so that all images of a batch have the same size.

    **Required keys:** ``img``

    **Modified keys:** ``img``, ``img_shape``

    Args:
        size (int): Side of the image, in pixels. Defaults to 16.
        interpolation (str): How it is reduced: ``'area'``, the mean of the merged
            pixels, or ``'bicubic'``. Defaults to ``'area'``.
        keep_size (bool): Whether to enlarge the image to its original size again, so
            that it fits a network for larger images, boxes stay valid, and only detail
            is lost. Defaults to False.

    Raises:
        ValueError: If an argument is out of its range; when an image with boxes, masks
            or key points would change its size.
    """

    def __init__(
        self, size: Count = 16, interpolation: str = 'area', keep_size: bool = False
    ) -> None:
        if interpolation not in INTERPOLATIONS:
            raise ValueError(
                f'LowResolution: interpolation must be one of {INTERPOLATIONS}, got '
                f'{interpolation!r}'
            )
        self.size = size
        self.interpolation = interpolation
        self.keep_size = keep_size

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Reduce the resolution of an image.

        Args:
            results (dict): With ``img``, an image of shape (H, W) or (H, W, C).

        Returns:
            dict: The same with the image of shape (size, size, ...), or as it was with
            ``keep_size``.

        Raises:
            ValueError: If the image has boxes, masks or key points, which would not fit
                any more.
        """
        placed = [
            key
            for key in ('gt_bboxes', 'gt_masks', 'gt_seg_map', 'gt_keypoints')
            if key in results
        ]
        if placed and not self.keep_size:
            raise ValueError(
                f'LowResolution: {placed} would no longer fit an image of {self.size}x'
                f'{self.size}; set keep_size=True'
            )
        height, width = results['img'].shape[:2]
        image = self._resize(results['img'], self.size, self.size)
        if self.keep_size:
            image = self._resize(image, height, width)
        results['img'] = image
        results['img_shape'] = image.shape[:2]
        return results

    def _resize(self, image: np.ndarray, height: int, width: int) -> np.ndarray:
        larger = height > image.shape[0] or width > image.shape[1]
        resized = mmcv.imresize(
            image,
            (width, height),
            interpolation=ENLARGING if larger else self.interpolation,
            backend='cv2',
        )
        # OpenCV drops the only channel of a grey image.
        return resized.reshape(height, width, *image.shape[2:])

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(size={self.size}, '
            f'interpolation={self.interpolation!r}, keep_size={self.keep_size})'
        )
