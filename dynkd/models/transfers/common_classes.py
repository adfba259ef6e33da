# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The classes that the two sides of a transfer have in common."""

from collections.abc import Mapping, Sequence
from typing import Any, Union

import torch
from torch import Tensor

from dynkd.utils import suggestion

from .losses.base import channel_dim_of

#: Classes of one side: all of its names in order, or the indices to compare.
Side = Sequence[Union[str, int]]


class CommonClasses:
    """Takes the scores of those classes that both sides of a transfer have.

    Args:
        classes (dict): ``source`` and ``target``: either the names of all classes that
            the side predicts, in their order, of which those are compared that both
            have; or indices, of which the first of one side is compared with the first
            of the other, and so on.

    Raises:
        TypeError: If a side is not a list of names or of indices.
        ValueError: If the sides do not fit each other, or have no class in common.
    """

    def __init__(self, classes: Mapping[str, Side]) -> None:
        for key in classes:
            if key not in ('source', 'target'):
                raise ValueError(
                    f'`classes` has `{key}`.{suggestion(key, ("source", "target"))} '
                    'It is a dict of `source` and `target`.'
                )
        if len(classes) != 2:
            raise ValueError('`classes` needs both `source` and `target`.')
        sides: list[Any] = [list(classes[key]) for key in ('source', 'target')]
        for side in sides:
            kinds = {type(item) for item in side}
            if kinds not in ({str}, {int}) or len(set(side)) != len(side):
                raise TypeError(
                    '`classes`: each side is a list of names, or of indices, each '
                    f'once; got {side}.'
                )
        if type(sides[0][0]) is not type(sides[1][0]):
            raise TypeError('`classes`: both sides are names, or both indices.')
        #: How many classes each side says that it predicts; 0 where it does not say.
        self._counts = [0, 0]
        if isinstance(sides[0][0], str):
            self._counts = [len(side) for side in sides]
            common = [name for name in sides[0] if name in sides[1]]
            sides = [[side.index(name) for name in common] for side in sides]
        #: The indices of the source's classes, and the target's.
        self.indices: list[list[int]] = sides
        if not sides[0] or len(sides[0]) != len(sides[1]):
            raise ValueError(
                f'`classes`: {len(sides[0])} classes of the source and {len(sides[1])} '
                'of the target cannot be compared one by one.'
            )

    def __len__(self) -> int:
        return len(self.indices[0])

    def source(self, value: Any) -> Any:
        """The scores of the common classes.

        Args:
            value (Tensor or sequence): Scores of the source: (B, classes), (B, L,
                classes) or (B, classes, H, W), or nested lists of such.

        Returns:
            Tensor or list: Those of the common classes.
        """
        return self._select(value, 0)

    def target(self, value: Any) -> Any:
        """The same of the target.

        Args:
            value (Tensor or sequence): Scores of the target.

        Returns:
            Tensor or list: Those of the common classes, in the same order.
        """
        return self._select(value, 1)

    def _select(self, value: Any, side: int) -> Any:
        """Take the classes of one side."""
        if not isinstance(value, Tensor):
            return [self._select(item, side) for item in value]
        dim, indices = channel_dim_of(value), self.indices[side]
        there, said = value.size(dim), self._counts[side]
        # Softmax heads of detectors have a class for the background, the last one.
        if max(indices) >= there or (said and there not in (said, said + 1)):
            name = ('source', 'target')[side]
            raise ValueError(
                f'`classes`: the {name} has {there} scores (shape '
                f'{tuple(value.shape)}), not {said or f"{max(indices) + 1} or more"}: '
                'one for each class.'
            )
        # Not in the dtype of the scores: half precision knows few whole numbers.
        return value.index_select(dim, torch.tensor(indices, device=value.device))
