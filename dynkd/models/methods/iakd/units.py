# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Units: the blocks of which a backbone is a chain, and their shapes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from dynkd.models.branches import find_stages

#: Shape without the batch.
Shape = tuple[int, ...]

_REMEDY = 'Name them: `pairs=[dict(student=[…], teacher=[…]), …]`.'


@dataclass(frozen=True)
class Call:
    """How a module was called in a probing forward pass, and what it gave.

    Args:
        args (tuple): Its positional arguments.
        kwargs (dict): Its keyword arguments.
        output (Any): What it returned.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any

    @property
    def is_map(self) -> bool:
        """bool: Whether one tensor went in and one came out."""
        return bool(self.args) and all(
            isinstance(side, Tensor) for side in (self.args[0], self.output)
        )

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """tuple[tuple, tuple]: Shapes of what went in and came out, less the batch."""
        return tuple(self.args[0].shape[1:]), tuple(self.output.shape[1:])


@dataclass(frozen=True)
class Unit:
    """A block of a backbone.

    Args:
        modules (tuple[str, ...]): Names of its modules in the model, in the order in
            which they run: one, or a convolution with the pooling before it.
        given (tuple of int): Shape of what it is given, without the batch.
        gives (tuple of int): Shape of what it gives, without the batch.
        is_stem (bool): Whether it is given the image.
    """

    modules: tuple[str, ...]
    given: Shape
    gives: Shape
    is_stem: bool

    @property
    def is_inner(self) -> bool:
        """bool: Whether it keeps the shape, so that others may take its place."""
        return self.given == self.gives


def probe(
    model: nn.Module, input_shape: Sequence[int], names: Sequence[str]
) -> dict[str, Call]:
    """Run a model's body once, to see how modules are called.

    Neither the modes of the modules nor their buffers nor any random state change.

    Args:
        model (nn.Module): A model with ``extract_feat`` or a ``backbone``.
        input_shape (sequence of int): Shape of the input, without the batch.
        names (sequence of str): Names of the modules.

    Returns:
        dict[str, Call]: The first call of each that ran, in the order of the calls.

    Raises:
        ValueError: If the model has no body, or does not run on such an input.
    """
    calls: dict[str, Call] = {}

    def keep(name: str) -> Any:
        def hook(module: nn.Module, args: tuple, kwargs: dict, output: Any) -> None:
            calls.setdefault(name, Call(args, kwargs, output))

        return hook

    body = getattr(model, 'extract_feat', None) or getattr(model, 'backbone', None)
    if body is None:
        raise ValueError(f'{type(model).__name__} has neither a backbone nor features.')
    weight = next(model.parameters())
    inputs = torch.zeros(1, *input_shape, dtype=weight.dtype, device=weight.device)
    handles = [
        model.get_submodule(name).register_forward_hook(keep(name), with_kwargs=True)
        for name in names
    ]
    try:
        with at_rest(model):
            body(inputs)
    except RuntimeError as error:
        raise ValueError(
            f'{type(model).__name__} does not run on an input of shape '
            f"{tuple(input_shape)}: {error}. Give the stream's `input_shape`."
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return calls


@contextmanager
def at_rest(model: nn.Module) -> Iterator[None]:
    """Let a model be in evaluation mode, and build no graph.

    Args:
        model (nn.Module): The model.

    Yields:
        None
    """
    modes = {module: module.training for module in model.modules()}
    # OpenMMLab's backbones freeze layers in `train`, which would undo the modes.
    for module in modes:
        module.training = False
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def find_units(model: nn.Module, input_shape: Sequence[int]) -> list[Unit]:
    """Find the blocks of which a model's backbone is a chain.

    They are the blocks of each stage of a ResNet and its kin, a ShuffleNet or a
    MobileNet, and the convolutions of a VGG, each with the pooling before it. Layers
    that give anything but one tensor are none.

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
