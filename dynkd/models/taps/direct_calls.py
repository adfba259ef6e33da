# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Heads whose own methods call their ``forward``, past all hooks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


def is_called_directly(module: nn.Module) -> bool:
    """Whether a module is a head of MMSegmentation that calls ``self.forward``.

    ``BaseDecodeHead.loss`` and ``predict`` do, and so do the heads that override them.

    Args:
        module (nn.Module): A module.

    Returns:
        bool: Whether it is such a head.
    """
    # By its method, since MMSegmentation need not be installed.
    return callable(getattr(module, 'cls_seg', None))


@contextmanager
def hooked(module: nn.Module) -> Iterator[None]:
    """Have direct calls of a module's ``forward`` run its hooks too.

    Args:
        module (nn.Module): A module.

    Yields:
        None
    """
    before = dict(vars(module))
    forward = module.forward
    hooks_run = False

    def enter(module: nn.Module, args: tuple[Any, ...]) -> None:
        nonlocal hooks_run
        hooks_run = True

    def call(*args: Any, **kwargs: Any) -> Any:
        nonlocal hooks_run
        if not hooks_run:
            return module(*args, **kwargs)
        hooks_run = False
        return forward(*args, **kwargs)

    handle = module.register_forward_pre_hook(enter)
    module.forward = call
    try:
        yield
    finally:
        handle.remove()
        del module.forward
        if 'forward' in before:
            module.forward = before['forward']
