# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Modules by their names."""

from difflib import get_close_matches

import torch.nn as nn


def find_module(model: nn.Module, name: str, owner: str) -> nn.Module:
    """Find a module of a model.

    Args:
        model (nn.Module): The model.
        name (str): Dotted name of the module in it.
        owner (str): The owner of the model, for the message:
            ``'pair `…`: the student'``.

    Returns:
        nn.Module: The module.

    Raises:
        ValueError: If there is no such module; names the nearest that exist.
    """
    try:
        return model.get_submodule(name)
    except AttributeError:
        names = [known for known, _ in model.named_modules() if known]
    near = get_close_matches(name, names, n=5, cutoff=0.4)
    near = near or [child for child, _ in model.named_children()]
    raise ValueError(
        f'{owner} ({type(model).__name__}) has no module `{name}`. The nearest are: '
        f'{", ".join(near)}.'
    )
