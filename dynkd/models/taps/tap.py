# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Taps: where a tensor is taken from a stream."""

import re
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Callable, ClassVar, Optional

import torch.nn as nn

from .direct_calls import hooked, is_called_directly
from .find_module import find_module


class TapError(RuntimeError):
    """A tap does not yield the output that it names."""


_PATTERN = re.compile(r'^(\w+)\.([\w.]+?)((?:\[-?\d+\])*)$')


@dataclass(frozen=True)
class Tap:
    """A place in a stream: the output of a named module, or an item of that output.

    Written ``'<stream>.<module>'``, followed by indices if the output is a tuple or
    list: ``'student.neck[2]'``, ``'teacher.bbox_head[0]'``. A module that runs several
    times in a step (a head's convolution over the levels of a pyramid) yields the list
    of its outputs; the indices are applied to each.

    Args:
        stream (str): Name of the stream.
        module (str): Dotted name of the module in the stream's model.
        indices (tuple of int): Indices into the module's output. Defaults to ().
    """

    #: Whether it yields only where the model computes its losses.
    needs_losses: ClassVar[bool] = False

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
            ValueError: If there is no such module; names the nearest that exist.
        """
        return find_module(model, self.module, f'tap `{self}`: `{self.stream}`')

    def take(
        self, module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any
    ) -> Any:
        """Take what the tap yields from a run of its module.

        Args:
            module (nn.Module): The module.
            args (tuple): What it received by position.
            kwargs (dict): What it received by name.
            output (Any): What it returned.

        Returns:
            Any: What the tap yields.

        Raises:
            TapError: If there is no such thing.
        """
        return self.select(output)

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


class Recorder:
    """Records what taps yield while a model runs.

    The modules are looked up once. The forward hooks exist only inside the ``with``
    block, so nothing keeps a graph alive after a step, and the model can be copied and
    pickled.

    Args:
        taps (iterable of Tap): The taps to record, of one stream.
    """

    def __init__(self, taps: Iterable[Tap]) -> None:
        self.taps = list(dict.fromkeys(taps))
        #: The first parts of the modules' names, in the order of the alphabet.
        self.roots = sorted({tap.root for tap in self.taps})
        self._modules: Optional[list[nn.Module]] = None

    @contextmanager
    def __call__(self, model: nn.Module) -> Iterator[dict[Tap, list[Any]]]:
        """Record inside a ``with`` block.

        Args:
            model (nn.Module): The model of the taps' stream, always the same one.

        Yields:
            dict[Tap, list]: The outputs of each tap, one for each time its module ran.
        """
        if self._modules is None:
            # At the first step, because what MMEngine's runner wraps or converts may
            # replace modules once the model is built.
            self._modules = [tap.find(model) for tap in self.taps]
        outputs: dict[Tap, list[Any]] = {tap: [] for tap in self.taps}
        with ExitStack() as stack:
            for module in dict.fromkeys(self._modules):
                if is_called_directly(module):
                    stack.enter_context(hooked(module))
            for tap, module in zip(self.taps, self._modules):
                append = _appender(tap, outputs[tap])
                handle = module.register_forward_hook(append, with_kwargs=True)
                stack.callback(handle.remove)
            yield outputs


def _appender(tap: Tap, found: list[Any]) -> Callable[..., None]:
    """A forward hook that appends what a tap yields."""

    def append(
        module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any
    ) -> None:
        found.append(tap.take(module, args, kwargs, output))

    return append


def record(
    model: nn.Module, taps: Iterable[Tap]
) -> AbstractContextManager[dict[Tap, list[Any]]]:
    """Record what taps yield while the model runs.

    Args:
        model (nn.Module): The model of the taps' stream.
        taps (iterable of Tap): The taps to record.

    Returns:
        context manager: Its value is a dict of the outputs of each tap, one for each
        time its module ran.
    """
    return Recorder(taps)(model)


def collect(recorded: dict[Tap, list[Any]]) -> dict[Tap, Any]:
    """Give each tap the one output it yielded, or the list of them.

    Args:
        recorded (dict[Tap, list]): What :func:`record` yielded.

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
