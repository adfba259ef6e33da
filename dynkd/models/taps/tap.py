# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Taps: where a tensor is taken from a stream."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch.nn as nn

from dynkd.utils import find_module


class TapError(RuntimeError):
    """A tap that does not yield what it was written to yield."""


_PATTERN = re.compile(r'^(\w+)\.([\w.]+?)((?:\[-?\d+\])*)$')


@dataclass(frozen=True)
class Tap:
    """A place in a stream: the output of a named module, or an item of that output.

    Written ``'<stream>.<module>'``, with indices into the output behind it if it is a
    tuple or list: ``'student.neck[2]'``, ``'teacher.bbox_head[0]'``. A module that runs
    several times in a step (a head's convolution over the levels of a pyramid) yields
    the list of its outputs; the indices are applied to each.

    Args:
        stream (str): Name of the stream.
        module (str): Dotted name of the module in the stream's model.
        indices (tuple of int): Indices into the module's output. Defaults to ().
    """

    stream: str
    module: str
    indices: tuple[int, ...] = ()

    @classmethod
    def parse(cls, text: str) -> 'Tap':
        """Read a tap from its written form.

        Args:
            text (str): For example ``'student.neck[2]'``.

        Returns:
            Tap: The tap.

        Raises:
            ValueError: If ``text`` is not of that form.
        """
        match = _PATTERN.match(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError(
                f'`{text}` is not a tap. A tap is written `stream.module` or '
                '`stream.module[index]`, for example `student.neck[2]`.'
            )
        stream, module, indices = match.groups()
        return cls(stream, module, tuple(map(int, re.findall(r'-?\d+', indices))))

    def __str__(self) -> str:
        return f'{self.stream}.{self.module}' + ''.join(f'[{i}]' for i in self.indices)

    @property
    def root(self) -> str:
        """str: The first part of the module's name: ``backbone``, ``neck``, …"""
        return self.module.partition('.')[0]

    def find(self, model: nn.Module) -> nn.Module:
        """Find the module in the model of the tap's stream.

        Args:
            model (nn.Module): The model.

        Returns:
            nn.Module: The module.

        Raises:
            ValueError: If there is none; names the nearest that exist.
        """
        return find_module(model, self.module, f'tap `{self}`: `{self.stream}`')

    def select(self, output: Any) -> Any:
        """Take the tap's item from an output of its module.

        Args:
            output (Any): What the module returned.

        Returns:
            Any: The item at ``indices``.

        Raises:
            TapError: If the output has no such item.
        """
        for index in self.indices:
            if not isinstance(output, (list, tuple)):
                raise TapError(
                    f'tap `{self}`: the output is a {type(output).__name__}, '
                    'not a list or tuple, and cannot be indexed.'
                )
            if not -len(output) <= index < len(output):
                raise TapError(
                    f'tap `{self}`: index {index} is out of range, the output has '
                    f'{len(output)} items.'
                )
            output = output[index]
        return output


@contextmanager
def record(model: nn.Module, taps: Iterable[Tap]) -> Iterator[dict[Tap, list[Any]]]:
    """Record what taps yield while the model runs.

    The forward hooks exist only inside the ``with`` block, so nothing keeps a graph
    alive after a step, and the model can be copied and pickled.

    Args:
        model (nn.Module): The model of the taps' stream.
        taps (iterable of Tap): The taps to record.

    Yields:
        dict[Tap, list]: The outputs of each tap, one for each time its module ran.
    """
    outputs: dict[Tap, list[Any]] = {tap: [] for tap in taps}

    def hook(tap: Tap):
        def append(module: nn.Module, args: tuple, output: Any) -> None:
            outputs[tap].append(tap.select(output))

        return append

    handles = [tap.find(model).register_forward_hook(hook(tap)) for tap in outputs]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


def collect(recorded: dict[Tap, list[Any]]) -> dict[Tap, Any]:
    """Give each tap the one output it yielded, or the list of them.

    Args:
        recorded (dict[Tap, list]): What :func:`record` gave.

    Returns:
        dict[Tap, Any]: An output for each tap.

    Raises:
        TapError: If a tap yielded nothing.
    """
    for tap, outputs in recorded.items():
        if not outputs:
            raise TapError(
                f'tap `{tap}` yielded nothing: its module did not run in this step, or '
                'only by a direct call of its `forward` method. Tap a module that runs '
                'in every training step.'
            )
    return {tap: out[0] if len(out) == 1 else out for tap, out in recorded.items()}
