# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Probing: how modules of a model are called, and what they return."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

#: Shape without the batch.
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Call:
    """How a module was called in a probing forward pass, and what it returned.

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
        """bool: Whether it received one tensor and returned one."""
        return bool(self.args) and all(
            isinstance(side, Tensor) for side in (self.args[0], self.output)
        )

    @property
    def shapes(self) -> tuple[Shape, Shape]:
        """tuple[tuple, tuple]: Shapes of what it received and returned, without the
        batch."""
        return tuple(self.args[0].shape[1:]), tuple(self.output.shape[1:])


def probe(
    model: nn.Module, input_shape: Sequence[int], names: Sequence[str]
) -> dict[str, Call]:
    """Run a model's body once on zeros, to see how modules are called.

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
        raise ValueError(
            f'{type(model).__name__} has neither `extract_feat` nor a `backbone`.'
        )
    weight = next(model.parameters(), torch.empty(0))
    inputs = torch.zeros(1, *input_shape, dtype=weight.dtype, device=weight.device)
    handles = [
        model.get_submodule(name).register_forward_hook(keep(name), with_kwargs=True)
        for name in names
    ]
    try:
        with evaluating(model):
            body(inputs)
    except RuntimeError as error:
        raise ValueError(
            f'{type(getattr(model, "backbone", model)).__name__} does not run on an '
            f'input of shape {tuple(input_shape)}: {error}. Give the stream another '
            '`input_shape`.'
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    return calls


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Keep a model in evaluation mode and build no graph, inside the ``with`` block.

    Args:
        model (nn.Module): The model. Its modules return to their modes afterwards.

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
