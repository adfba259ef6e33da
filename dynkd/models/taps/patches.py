# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The patches of a Vision Transformer: where each of its tokens lies."""

from dataclasses import dataclass
from typing import Any, Optional

from torch import Tensor, nn

from .tap import Tap

#: Rows and columns of patches.
PatchGrid = tuple[int, int]
#: A class token, a distillation token, a few registers come before those of patches.
_MOST_EXTRA = 8


def find_patch_embed(model: nn.Module) -> Optional[str]:
    """The module that cuts the images of a Vision Transformer into patches.

    Args:
        model (nn.Module): A model.

    Returns:
        str or None: Its name, ``'backbone.patch_embed'``; None for a model without one.
    """
    # Branches ask in every step, and `getattr` takes long to find nothing.
    backbone = model._modules.get('backbone')
    found = None if backbone is None else backbone._modules.get('patch_embed')
    return None if found is None else 'backbone.patch_embed'


def patch_grid(output: Any) -> Optional[PatchGrid]:
    """The grid of the patches, from what the module that makes them returned.

    Args:
        output (Any): What it returned: tokens and their rows and columns, in
            OpenMMLab's libraries.

    Returns:
        tuple[int, int] or None: Rows and columns; None where it does not say.
    """
    if not isinstance(output, (list, tuple)) or len(output) != 2:
        return None
    size = output[1]
    if not isinstance(size, (list, tuple)) or len(size) != 2:
        return None
    return int(size[0]), int(size[1])


def lay_out(tokens: Tensor, grid: PatchGrid) -> Tensor:
    """Lay the tokens of patches out as a map; those before them are left out.

    Args:
        tokens (Tensor): Tokens, shape (B, extra + rows * columns, C), the patches row
            by row.
        grid (tuple[int, int]): Rows and columns.

    Returns:
        Tensor: A map, shape (B, C, rows, columns).
    """
    patches = tokens[:, tokens.size(1) - grid[0] * grid[1] :]
    return patches.transpose(1, 2).unflatten(2, grid)


def as_map(value: Any, grid: Optional[PatchGrid]) -> Any:
    """Lay what a tap yielded out as a map, if it is the tokens of a known grid.

    Args:
        value (Any): What the tap yielded.
        grid (tuple[int, int], optional): Rows and columns of the patches.

    Returns:
        Any: A map, shape (B, C, rows, columns); anything else as it is.
    """
    if grid is None or not isinstance(value, Tensor) or value.dim() != 3:
        return value
    extra = value.size(1) - grid[0] * grid[1]
    return lay_out(value, grid) if 0 <= extra <= _MOST_EXTRA else value


@dataclass(frozen=True)
class PatchTap(Tap):
    """Rows and columns of the patches into which a Vision Transformer cuts its images.

    Its module is the backbone's ``patch_embed``, which says in each step how many it
    made of images of this size.
    """

    @classmethod
    def beside(cls, tap: Tap, model: nn.Module) -> Optional['PatchTap']:
        """The tap of the patches to which the tokens of another tap belong.

        Args:
            tap (Tap): A tap.
            model (nn.Module): The model of its stream.

        Returns:
            PatchTap or None: The tap; None where the other is not in a backbone that
            makes patches.
        """
        module = find_patch_embed(model)
        if module is None or tap.root != 'backbone':
            return None
        return cls(tap.stream, module)

    def take(
        self, module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any
    ) -> Optional[PatchGrid]:
        """See :meth:`Tap.take`."""
        return patch_grid(output)
