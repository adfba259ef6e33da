# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A view of each image for each stream."""

import copy
from collections.abc import Sequence
from typing import Any, Callable, Optional, Union

from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose

from dynkd.registry import TRANSFORMS

#: What lies somewhere in an image, and would lie elsewhere in another view.
_PLACED = ('gt_bboxes', 'gt_masks', 'gt_seg_map', 'gt_keypoints')


@TRANSFORMS.register_module()
class StreamViews(BaseTransform):
    """A view of an image for each stream, with random draws of its own.

    Streams read the same batches, and so see the same crops and flips. With this they
    see others of the same image: the "certain degree of randomization in order to
    ensure they are not completely synchronized" of `Student Network Learning via
    Evolutionary Knowledge Distillation` (section III-C), which says no more about it;
    that it is the augmentation is ours.

    It stands last in a pipeline, has the random transforms and the packing in it, and
    makes ``inputs`` a dict, of which a stream with ``input='teacher'`` receives its own
    view. The data sample is that of the first view. What mixes the images of a batch
    (mixup, CutMix) still draws the same for all streams: predictions about other
    mixtures could not be compared.

    **Required keys:** those of the transforms

    **Added keys:** ``inputs``, ``data_samples``

    Args:
        streams (sequence of str): Names of the views, which streams name as their
            ``input``.
        transforms (list[dict or callable]): What makes a view of the image, and packs
            it.

    Raises:
        ValueError: If there are fewer than two views, or two of one name; when an image
            has boxes, masks or key points, which lie elsewhere in each view.
        KeyError: When the transforms do not pack the image.
    """

    def __init__(
        self,
        streams: Sequence[str],
        transforms: Sequence[Union[dict, Callable[[dict], Any]]],
    ) -> None:
        if isinstance(streams, str) or len(streams) < 2:
            raise ValueError(
                f'StreamViews: streams must be a list of two names or more, got '
                f'{streams!r}'
            )
        if len(set(streams)) < len(streams):
            raise ValueError(f'StreamViews: streams has a name twice: {streams}')
        self.streams = tuple(streams)
        self.transforms = Compose(transforms)

    def transform(self, results: dict[str, Any]) -> Optional[dict[str, Any]]:
        """Make the views of an image.

        Args:
            results (dict): The image, as the transforms need it.

        Returns:
            dict or None: ``inputs``, the views as tensors by name, and
            ``data_samples``; None if the transforms drop the image.

        Raises:
            ValueError: If the image has boxes, masks or key points.
            KeyError: If the transforms do not pack the image.
        """
        placed = [key for key in _PLACED if key in results]
        if placed:
            raise ValueError(
                f'StreamViews: {placed} lie elsewhere in each view of an image, and '
                'streams could not be compared: it is for images with labels alone'
            )
        views: dict[str, dict[str, Any]] = {}
        for name in self.streams:
            view = self.transforms(copy.deepcopy(results))
            if view is None:
                return None
            if 'inputs' not in view:
                raise KeyError(
                    'StreamViews: its transforms do not pack the image; let them end '
                    "with dict(type='PackInputs')"
                )
            views[name] = view
        packed = dict(views[self.streams[0]])
        packed['inputs'] = {name: view['inputs'] for name, view in views.items()}
        return packed

    def __repr__(self) -> str:
        return f'{type(self).__name__}(streams={self.streams}, {self.transforms})'
