# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Reading a clip, with the clip's name in error messages."""

from collections.abc import Sequence
from typing import Any, Optional, Union

from mmcv.transforms import BaseTransform

from dynkd.registry import TRANSFORMS

from .build_transforms import Transform, build_transforms, names_of
from .modalities import clip_name

#: Characters that are shown of a decoder's message.
LENGTH = 200


@TRANSFORMS.register_module()
class ReadClip(BaseTransform):
    """Run the transforms that read a clip, and name the clip when one of them fails.

    The decoders that MMAction2 uses say what is wrong with a video, but not with which:

    .. code-block:: python

        dict(
            type='dynkd.ReadClip',
            transforms=[
                dict(type='DecordInit'),
                dict(type='SampleFrames', clip_len=64),
                dict(type='DecordDecode'),
            ],
        )

    **Required and added keys:** those of the transforms.

    Args:
        transforms (list[dict or callable] or dict or callable): The transforms;
            MMAction2's need no prefix.

    Raises:
        RuntimeError: When a clip cannot be read; the message names the file or folder,
            the transform and its reason.
    """

    def __init__(
        self, transforms: Union[dict, Transform, Sequence[Union[dict, Transform]]]
    ) -> None:
        self.transforms = build_transforms(transforms, 'ReadClip')

    def transform(self, results: dict[str, Any]) -> Optional[dict[str, Any]]:
        """Read a clip.

        Args:
            results (dict): A sample of a data set.

        Returns:
            dict or None: What the transforms make of it.

        Raises:
            RuntimeError: If a transform fails, or the clip has no frames.
        """
        # The decoders drop some of it.
        name = clip_name(results)
        for transform in self.transforms:
            try:
                results = transform(results)
            except Exception as error:
                # Decord's messages have the content of a broken file in them.
                reason = ''.join(c for c in str(error) if c.isprintable())
                raise RuntimeError(
                    f'ReadClip: {name} cannot be read: {type(transform).__name__} '
                    f'failed: {type(error).__name__}: {reason[:LENGTH]}'
                ) from error
            if results is None:
                return None
            if results.get('total_frames', 1) < 1:
                raise RuntimeError(f'ReadClip: {name} cannot be read: it has no frames')
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({names_of(self.transforms)})'
