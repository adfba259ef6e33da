# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Random numbers in compiled steps."""

from typing import Any, Callable, TypeVar

import torch

T = TypeVar('T')


def drawn(function: Callable[..., T], *args: Any) -> T:
    """Call a function that draws random numbers.

    Inductor draws other numbers than torch does from the same state. So that a compiled
    step has the losses of one that is not, the function is not compiled.

    Args:
        function (callable): The function.
        *args: What it receives.

    Returns:
        Any: What it returns.
    """
    if torch.compiler.is_compiling():
        function = torch.compiler.disable(function)
    return function(*args)
