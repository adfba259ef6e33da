# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The same geometry for the frames and the flow of a clip."""

import random
from collections.abc import Sequence
from typing import Any, Optional, Union

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from dynkd.registry import TRANSFORMS
from dynkd.utils import RandomState

from .build_transforms import Transform, build_transforms, names_of
from .modalities import MODALITIES, clip_name

#: MMAction2's transforms that change colours, or flip without telling.
NOT_GEOMETRY = (
    'ColorJitter',
    'ImgAug',
    'PytorchVideoWrapper',
    'RandomErasing',
    'TenCrop',
    'TorchVisionWrapper',
)
#: Directions of a flip, and the part of the flow that it negates: u or v.
FLIPPED = {'horizontal': 0, 'vertical': 1}
#: What says where in the original frames the pixels of a clip come from.
PLACE = ('img_shape', 'crop_bbox', 'scale_factor', 'flip', 'flip_direction')


@TRANSFORMS.register_module()
class PairedTransforms(BaseTransform):
    """Resize, crop and flip the frames and the flow of a clip alike.

    Every modality goes through the same transforms with the same random draws, so that
    a pixel of the flow stays at the pixel of the frame that it moves. Where a flip
    mirrors a clip, its motion is mirrored too: a horizontal one negates u, a vertical
    one v, which is 255 - u in the coding of stored flow.

    Resizing does not change the values of the flow: a flow counts pixels of the size at
    which it was extracted, as in the published two-stream networks, whose stored flow
    is cropped and resized like any image (ours; the paper does not say). One and
    the same motion thus has one value in all scales of a random crop, and no precision
    of the 8 bits is lost.

    The transforms are MMAction2's, which need no prefix: ``Resize``, ``RandomRescale``,
    ``RandomCrop``, ``RandomResizedCrop``, ``MultiScaleCrop``, ``CenterCrop``,
    ``ThreeCrop``, ``Flip``, ``Fuse`` after lazy ones, and ``FormatShape``. Put colour
    transforms before it, or between two of it, where they act on the frames alone. A
    transform of your own must act on ``imgs``, draw from the generators of Python,
    NumPy or torch, and record flips in ``flip`` and ``flip_direction``, as MMAction2's
    does.

    A clip with only one modality goes through the same transforms, with the same result
    as in a pair.

    **Required keys:** ``imgs``, ``flow``, or both

    **Modified keys:** these; and what the transforms add

    Args:
        transforms (list[dict or callable]): The transforms.

    Raises:
        ValueError: If one of the transforms is not one of geometry; when frames and
            flow do not fit each other, or lazy transforms are not fused.
        KeyError: When a clip has neither.
        RuntimeError: When a transform treats frames and flow differently.
    """

    def __init__(self, transforms: Sequence[Union[dict, Transform]]) -> None:
        self.transforms = build_transforms(transforms, 'PairedTransforms')
        wrong = [t for t in self.transforms if type(t).__name__ in NOT_GEOMETRY]
        if wrong:
            raise ValueError(
                f'PairedTransforms: {names_of(wrong)} would change the values of the '
                'flow, which are motion. Put it before PairedTransforms, where it acts '
                'on the frames alone; instead of TenCrop take ThreeCrop'
            )

    def transform(self, results: dict[str, Any]) -> Optional[dict[str, Any]]:
        """Transform a clip.

        Args:
            results (dict): With ``imgs``, a list of frames of shape (H, W, 3), with
                ``flow``, a list of flows of shape (H, W, 2), uint8, or with both.

        Returns:
            dict or None: The same, transformed; None if a transform drops the clip.

        Raises:
            KeyError: If there is neither.
            ValueError: If the two do not fit each other, or a transform before or
                inside is lazy and not fused.
            RuntimeError: If a transform treats the two differently.
        """
        present = [name for name, key in MODALITIES.items() if key in results]
        self._check(present, results)
        # Not RandomState.capture(): a worker that was forked must not touch the GPU,
        # from which these transforms draw nothing.
        state = RandomState(
            random.getstate(), np.random.get_state(), torch.get_rng_state(), ()
        )
        done: dict[str, dict[str, Any]] = {}
        for name in present:
            state.restore()
            own = self._run(name, results)
            if own is None:
                return None
            done[name] = own
        self._compare(done, results)
        merged = done[present[0]]
        images = {name: own.pop('imgs') for name, own in done.items()}
        for name in present:
            merged[MODALITIES[name]] = images[name]
        return merged

    def _check(self, present: list[str], results: dict[str, Any]) -> None:
        clip = clip_name(results)
        if not present:
            raise KeyError(
                f'PairedTransforms: {clip} has neither frames (`imgs`) nor flow '
                '(`flow`): decode, load or compute them before'
            )
        if results.get('modality', 'RGB') != 'RGB':
            raise ValueError(
                f'PairedTransforms: `imgs` of {clip} is said to be '
                f"{results['modality']}: leave the data set's modality at 'RGB', and "
                'load flow with dynkd.LoadFlow'
            )
        if 'lazy' in results:
            raise ValueError(
                'PairedTransforms: a lazy transform comes before it; put lazy '
                'transforms and Fuse into it'
            )
        if len(present) < 2:
            return
        frames, flow = results['imgs'], results['flow']
        if len(frames) != len(flow):
            raise ValueError(
                f'PairedTransforms: {clip} has {len(frames)} frames and {len(flow)} '
                'flows; each frame needs one'
            )
        sizes = [images[0].shape[:2] for images in (frames, flow)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f'PairedTransforms: frames of {clip} are of size {sizes[0]}, its flow '
                f'of {sizes[1]}. Resize neither alone: put Resize into PairedTransforms'
            )

    def _run(self, name: str, results: dict[str, Any]) -> Optional[dict[str, Any]]:
        """Transform one modality as the images of a clip of its own."""
        own = {k: v for k, v in results.items() if k not in MODALITIES.values()}
        own['imgs'] = results[MODALITIES[name]]
        for transform in self.transforms:
            # MMAction2's Flip inverts every other image of a flow, both parts of it, so
            # that only FormatShape, which joins the channels, is told.
            joins = name == 'flow' and type(transform).__name__ == 'FormatShape'
            own['modality'] = 'Flow' if joins else 'RGB'
            before = own.pop('flip', None)
            own = transform(own)
            if own is None:
                return None
            if own.get('flip') and name == 'flow':
                _negate(own['imgs'], FLIPPED[own['flip_direction']])
            if before is not None:
                own.setdefault('flip', before)
        own['modality'] = 'RGB'
        return own

    def _compare(
        self, done: dict[str, dict[str, Any]], results: dict[str, Any]
    ) -> None:
        first, *others = done.values()
        if 'lazy' in first:
            raise ValueError(
                'PairedTransforms: transforms are lazy, but Fuse is not among them'
            )
        for own in others:
            for key in PLACE:
                here: Any = first.get(key)
                there: Any = own.get(key)
                if not np.array_equal(here, there):
                    raise RuntimeError(
                        f'PairedTransforms: frames and flow of {clip_name(results)} '
                        f'were treated differently: {key} is {here} and '
                        f'{there}. A transform must draw its random numbers '
                        'independently of the images, and not keep them'
                    )

    def __repr__(self) -> str:
        return f'{type(self).__name__}({names_of(self.transforms)})'


def _negate(flow: list[np.ndarray], part: int) -> None:
    """Negate one direction of stored flow, in which 127.5 means no motion."""
    for image in flow:
        np.subtract(255, image[..., part], out=image[..., part])
