# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Names of streams."""

from collections.abc import Collection
from keyword import iskeyword

from torch import nn


def check_name(name: str) -> None:
    """Check that a stream can have a name.

    Args:
        name (str): The name: an identifier of Python, of any alphabet.

    Raises:
        ValueError: If it is not one, or means something else where streams are kept.
    """
    if not name.isidentifier() or iskeyword(name):
        raise ValueError(
            f'the name of a stream must be a valid identifier, got `{name}`.'
        )
    if name == 'self' or hasattr(nn.ModuleDict(), name):
        raise ValueError(
            f'a stream cannot be named `{name}`, which means something else where '
            'streams are kept. Take another name.'
        )


def missing_stream(name: str, known: Collection[str]) -> str:
    """What messages say of a stream that does not exist.

    Args:
        name (str): Its name.
        known (collection of str): Names of the streams that exist.

    Returns:
        str: The message.
    """
    return f'there is no stream `{name}`. Streams: {", ".join(known)}.'
