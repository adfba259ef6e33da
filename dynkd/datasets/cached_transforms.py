# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Samples that are loaded once."""

import copy
import random
from collections.abc import Sequence
from typing import Any, Callable, Optional, Union

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import Compose

from dynkd.registry import TRANSFORMS

#: So many samples are watched for random numbers that their transforms draw.
_LOOKED_AT = 100
_REFUSED = (
    'CachedTransforms: {} draws random numbers, which would be the same in every '
    'epoch. Put it after CachedTransforms'
)


@TRANSFORMS.register_module()
class CachedTransforms(BaseTransform):
    """Load and prepare each sample once, and keep it in memory.

    It stands first in a pipeline, has in it what is the same in every epoch, such as
    loading and a fixed resizing, and is followed by the random transforms. Images of
    16x16 take 768 bytes each, so that small data sets fit in memory many times over.

    Each process keeps what it has loaded. Workers that end with an epoch lose it: set
    ``num_workers=0``, or ``persistent_workers=True``.

    **Required keys:** ``sample_idx``, and those of the transforms

    **Added keys:** those of the transforms

    Args:
        transforms (list[dict or callable]): What loads and prepares a sample.

    Raises:
        ValueError: If there are none, or one of them draws random numbers, which would
            be the same in every epoch.
        KeyError: When a sample has no ``sample_idx``, which MMEngine's data sets give.
    """

    def __init__(
        self, transforms: Sequence[Union[dict, Callable[[dict], Any]]]
    ) -> None:
        if not transforms:
            raise ValueError('CachedTransforms: transforms is empty')
        self.transforms = Compose(transforms)
        drawing = _drawing(self.transforms)
        if drawing:
            raise ValueError(_REFUSED.format(', '.join(drawing)))
        self._kept: dict[int, Optional[dict[str, Any]]] = {}

    def transform(self, results: dict[str, Any]) -> Optional[dict[str, Any]]:
        """Give a sample as the transforms make it.

        Args:
            results (dict): The sample, with its number in the data set as
                ``sample_idx``.

        Returns:
            dict or None: A copy of what the transforms made of it; None if they drop
            it.

        Raises:
            KeyError: If it has no number.
            ValueError: If a transform draws random numbers.
        """
        if 'sample_idx' not in results:
            raise KeyError(
                'CachedTransforms: the sample has no `sample_idx`, by which it is '
                "kept; data sets that inherit from MMEngine's BaseDataset give it"
            )
        index = results['sample_idx']
        if index not in self._kept:
            # What draws at all draws for one of the first samples.
            looks = len(self._kept) < _LOOKED_AT
            before = _states() if looks else ()
            self._kept[index] = self.transforms(results)
            if looks and _states() != before:
                raise ValueError(_REFUSED.format('one of its transforms'))
        return copy.deepcopy(self._kept[index])

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.transforms})'


def _states() -> tuple[Any, ...]:
    """The states of the generators, to be compared: a data-loading worker must not look
    at those of a GPU, as `RandomState` does."""
    numpy: Any = np.random.get_state(legacy=False)
    own = numpy['state']
    drawn = torch.get_rng_state().numpy().tobytes()
    return random.getstate(), own['key'].tobytes(), own['pos'], drawn


def _drawing(transform: Any) -> list[str]:
    """The names of those that draw random numbers, of a transform and those in it."""
    # Where MMCV's `cache_randomness` notes what a transform draws.
    own = bool(getattr(transform, '_methods_with_randomness', None))
    found = [type(transform).__name__] if own else []
    inner = getattr(transform, 'transforms', ())
    # A sequence, a `Compose`, or one transform.
    for other in inner if isinstance(inner, (list, tuple)) else [inner]:
        found += _drawing(other)
    return found
