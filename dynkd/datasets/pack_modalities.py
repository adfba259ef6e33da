# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Packing a clip as streams read it."""

from collections.abc import Sequence
from typing import Any, Union

import numpy as np
from mmcv.transforms import BaseTransform

from dynkd.registry import TRANSFORMS

from .build_transforms import build_transforms
from .modalities import MODALITIES, clip_name

#: What a data sample says about its clip.
META_KEYS = ('img_shape', 'num_clips', 'sample_idx', 'filename', 'frame_dir')


@TRANSFORMS.register_module()
class PackModalities(BaseTransform):
    """Pack the modalities of a clip, each under the name that streams read it by.

    ``inputs`` is a dict, ``dict(rgb=..., flow=...)``; a stream with ``input='flow'``
    receives the entry ``flow``. MMAction2's ``PackActionInputs`` does the rest.

    **Required keys:** ``imgs`` for ``rgb`` and ``flow`` for ``flow``, as arrays: after
    MMAction2's ``FormatShape`` in :class:`PairedTransforms`; ``label`` (optional)

    **Added keys:** ``inputs``, ``data_samples``

    Args:
        modalities (sequence of str or str): ``'rgb'``, ``'flow'``, or both. With
            a name alone, not in a sequence, the inputs are that modality itself, as
            recognizers take them that are trained by themselves. Defaults to
            ``('rgb', 'flow')``.
        meta_keys (sequence of str): What the data sample says about the clip, as far as
            the results have it. Defaults to ``('img_shape', 'num_clips', 'sample_idx',
            'filename', 'frame_dir')``.
        algorithm_keys (sequence of str): Fields of the results that are copied into the
            data sample. Defaults to ``()``.

    Raises:
        ValueError: If ``modalities`` is empty, or names one that does not exist or one
            twice.
        KeyError: When a clip lacks a modality.
        TypeError: When the shape of one was not formatted.
    """

    def __init__(
        self,
        modalities: Union[str, Sequence[str]] = ('rgb', 'flow'),
        meta_keys: Sequence[str] = META_KEYS,
        algorithm_keys: Sequence[str] = (),
    ) -> None:
        self.alone = isinstance(modalities, str)
        names = (modalities,) if isinstance(modalities, str) else tuple(modalities)
        self.modalities: tuple[str, ...] = names
        unknown = [name for name in self.modalities if name not in MODALITIES]
        if unknown or not self.modalities:
            raise ValueError(
                f'PackModalities: modalities must be of {", ".join(MODALITIES)}, got '
                f'{unknown or "none"}'
            )
        if len(set(self.modalities)) < len(self.modalities):
            raise ValueError(
                f'PackModalities: modalities has a name twice: {self.modalities}'
            )
        pack = dict(
            type='PackActionInputs',
            collect_keys=[MODALITIES[name] for name in self.modalities],
            meta_keys=tuple(meta_keys),
            algorithm_keys=tuple(algorithm_keys),
        )
        (self.pack,) = build_transforms(pack, 'PackModalities')

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack a clip.

        Args:
            results (dict): With the modalities as arrays, of shape
                (num_clips, C, T, H, W) for ``NCTHW``.

        Returns:
            dict: ``inputs``, the modalities as tensors by name, or the only one; and
            ``data_samples``, an ``ActionDataSample``.

        Raises:
            KeyError: If a modality is missing.
            TypeError: If one is a list of images.
        """
        for name in self.modalities:
            self._check(name, results)
        packed = self.pack(results)
        inputs = {name: packed['inputs'][MODALITIES[name]] for name in self.modalities}
        packed['inputs'] = inputs[self.modalities[0]] if self.alone else inputs
        return packed

    def _check(self, name: str, results: dict[str, Any]) -> None:
        key = MODALITIES[name]
        if key not in results:
            there = [own for own, key in MODALITIES.items() if key in results]
            source = dict(
                rgb="decode the frames with MMAction2's RawFrameDecode or DecordDecode",
                flow='load it with dynkd.LoadFlow, or compute it with '
                'dynkd.ComputeFlow',
            )
            raise KeyError(
                f'PackModalities: {clip_name(results)} has no `{name}`, only '
                f'{there or "nothing"}: {source[name]}'
            )
        if not isinstance(results[key], np.ndarray):
            raise TypeError(
                f'PackModalities: `{name}` of {clip_name(results)} is still a '
                f'{type(results[key]).__name__} of images: let dynkd.PairedTransforms '
                "end with dict(type='FormatShape', input_format='NCTHW')"
            )

    def __repr__(self) -> str:
        shown = self.modalities[0] if self.alone else self.modalities
        return f'{type(self).__name__}(modalities={shown!r})'
