# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tokens of Vision Transformers, where a transfer needs maps."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional

from mmengine.logging import print_log
from torch import Tensor, nn

from dynkd.models.streams import Stream
from dynkd.models.taps import PatchTap, Tap, as_map


def takes_maps(part: Optional[nn.Module]) -> bool:
    """Whether a loss or connector takes feature maps, (B, C, H, W).

    Args:
        part (nn.Module, optional): The part.

    Returns:
        bool: What its attribute ``takes_maps`` says; of others, whether it has
        2-D convolutions.
    """
    if part is None:
        return False
    stated = getattr(part, 'takes_maps', None)
    if isinstance(stated, bool):
        return stated
    return any(isinstance(module, nn.Conv2d) for module in part.modules())


class TokenMaps:
    """Lays the tokens that taps of a transfer yield out as maps.

    It does so where the part that receives them takes maps, and where the other side of
    a comparison is a map. Class and distillation tokens are left out. The grid is that
    which the ``patch_embed`` of the backbone returned in the same step, so that it
    fits images of any size. Tokens of backbones without one, or of another number,
    stay as they are.

    Args:
        pairs (sequence of tuple[Tap, Tap]): Source and target of each pair.
    """

    def __init__(self, pairs: Sequence[tuple[Tap, Tap]]) -> None:
        self.pairs = pairs
        self._patches: dict[Tap, PatchTap] = {}
        #: Widths of the tokens of which the log tells.
        self._told: set[int] = set()

    def find(self, streams: Mapping[str, Stream]) -> None:
        """Find the backbones that make patches.

        Args:
            streams (dict[str, Stream]): The streams by name.
        """
        for tap in dict.fromkeys(tap for pair in self.pairs for tap in pair):
            if tap.stream in streams:
                patches = PatchTap.beside(tap, streams[tap.stream].model)
                if patches is not None:
                    self._patches[tap] = patches

    @property
    def taps(self) -> list[PatchTap]:
        """list[PatchTap]: The taps that yield the grids, each once."""
        return list(dict.fromkeys(self._patches.values()))

    def grids(self, outputs: Mapping[Tap, Any]) -> tuple[list[Any], list[Any]]:
        """The grids of this step.

        Args:
            outputs (dict[Tap, Any]): What the taps yielded.

        Returns:
            tuple[list, list]: The grid of each source, and of each target; None where
            there is none, and a list where a backbone ran several times.
        """
        known = {tap: outputs.get(own) for tap, own in self._patches.items()}
        sources = [known.get(source) for source, _ in self.pairs]
        return sources, [known.get(target) for _, target in self.pairs]

    def beside(
        self, target: Any, source: Any, grids: tuple[Any, Any], maps: bool
    ) -> tuple[Any, Any]:
        """Give both sides of a comparison one rank.

        Args:
            target (Tensor or sequence): What learns: a tensor, or nested lists of them.
            source (Tensor or sequence): What is learned from, likewise.
            grids (tuple): Grids of the target and of the source.
            maps (bool): Whether what compares them takes maps.

        Returns:
            tuple: Target and source.
        """
        if not self._patches or grids == (None, None):
            return target, source
        if isinstance(target, Tensor) or isinstance(source, Tensor):
            if maps or {_rank(target), _rank(source)} == {3, 4}:
                return self.of(target, grids[0]), self.of(source, grids[1])
            return target, source
        if len(target) != len(source):
            return target, source
        both = zip(_each(grids[0], target), _each(grids[1], source))
        fitted = [
            self.beside(one, other, own, maps)
            for one, other, own in zip(target, source, both)
        ]
        return [one for one, _ in fitted], [other for _, other in fitted]

    def of(self, value: Any, grid: Any) -> Any:
        """Lay tokens out.

        Args:
            value (Tensor or sequence): A tensor, or nested lists of them.
            grid (tuple[int, int] or list, optional): The grid, or those of a list.

        Returns:
            Any: Maps in the place of tokens, the rest as it is.
        """
        if not self._patches or grid is None:
            return value
        if isinstance(value, (list, tuple)):
            return [self.of(one, own) for one, own in zip(value, _each(grid, value))]
        found = as_map(value, grid)
        if found is not value and value.size(2) not in self._told:
            self._told.add(value.size(2))
            taps = ', '.join(f'`{tap}`' for tap in self._patches)
            print_log(
                f'{taps}: tokens (B, {value.size(1)}, {value.size(2)}) are laid out as '
                f'maps of {grid[0]} x {grid[1]}, without those before the patches.',
                logger='current',
            )
        return found


def _rank(value: Any) -> int:
    """The number of dimensions of a tensor; 0 for a list."""
    return value.dim() if isinstance(value, Tensor) else 0


def _each(grid: Any, values: Sequence[Any]) -> Sequence[Any]:
    """A grid for each of several values."""
    fits = isinstance(grid, list) and len(grid) == len(values)
    return grid if fits else [grid] * len(values)
