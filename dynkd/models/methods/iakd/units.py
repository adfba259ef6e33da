# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Units: the blocks of which a backbone is a chain, and their shapes."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from dynkd.models.streams.branches import find_stages
from dynkd.models.taps import Shape, probe

_REMEDY = 'Name them: `pairs=[dict(student=[…], teacher=[…]), …]`.'


@dataclass(frozen=True)
class Unit:
    """A block of a backbone.

    Args:
        modules (tuple[str, ...]): Names of its modules in the model, in the order in
            which they run: one, or a convolution with the pooling before it.
        given (tuple of int): Shape of its input, without the batch.
        gives (tuple of int): Shape of its output, without the batch.
        is_stem (bool): Whether it receives the image.
    """

    modules: tuple[str, ...]
    given: Shape
    gives: Shape
    is_stem: bool

    @property
    def is_inner(self) -> bool:
        """bool: Whether it keeps the shape, so that other blocks may replace it."""
        return self.given == self.gives


def find_units(model: nn.Module, input_shape: Sequence[int]) -> list[Unit]:
    """Find the blocks of which a model's backbone is a chain.

    They are the blocks of each stage of a ResNet and its kin, a ShuffleNet or a
    MobileNet, and the convolutions of a VGG, each with the pooling before it. Layers
    that return anything but one tensor are not blocks.

    Args:
        model (nn.Module): A model with a ``backbone``.
        input_shape (sequence of int): Shape of the input that is run through it,
            without the batch.

    Returns:
        list[Unit]: The units, in the order in which they run.

    Raises:
        ValueError: If there are none, or the model does not run on such an input.
    """
    try:
        names = [name for part in find_stages(model) for name in _blocks(model, part)]
    except ValueError as error:
        raise ValueError(f'{_kind(model)}: no blocks are known. {_REMEDY}') from error
    calls = probe(model, input_shape, names)
    units: list[Unit] = []
    waiting: list[str] = []
    for name, call in calls.items():
        if not call.is_map:
            continue
        waiting.append(name)
        # A pooling belongs to what follows it, for it does not learn.
        if any(True for _ in model.get_submodule(name).parameters()):
            given = calls[waiting[0]].shapes[0]
            stem = not units and given == tuple(input_shape)
            units.append(Unit(tuple(waiting), given, call.shapes[1], stem))
            waiting = []
    if not units:
        raise ValueError(f'{_kind(model)}: none of its parts is a block. {_REMEDY}')
    return units


def _blocks(model: nn.Module, part: str) -> list[str]:
    """The blocks of a stage, or the part itself if it is one."""
    module = model.get_submodule(part)
    if isinstance(module, (nn.Sequential, nn.ModuleList)) and len(module):
        return [f'{part}.{name}' for name, _ in module.named_children()]
    return [part]


def _kind(model: nn.Module) -> str:
    """What a message calls a model's backbone."""
    return type(getattr(model, 'backbone', model)).__name__
