# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A ``pickle_module`` for ``torch.load`` that permits only what checkpoints need.

For torch before 2.4, whose own restricted unpickler cannot be told about MMEngine's
classes. It has the names that :func:`torch.load` looks up in such a module.
"""

import pickle
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from typing import Any, BinaryIO

from torch import _weights_only_unpickler

from .safe_globals import checkpoint_globals

UnpicklingError = pickle.UnpicklingError


class Unpickler(pickle.Unpickler):
    """Finds no class or function except those on torch's list and ours."""

    def find_class(self, module: str, name: str) -> Any:
        """Looks a global of the pickle up.

        Args:
            module (str): The module that the file names.
            name (str): The class or function that the file names.

        Returns:
            Any: What stands for it.

        Raises:
            UnpicklingError: If it is not permitted.
        """
        # Protocol 2, which torch writes, uses Python 2's names.
        if (module, name) in NAME_MAPPING:
            module, name = NAME_MAPPING[module, name]
        module = IMPORT_MAPPING.get(module, module)
        full_name = f'{module}.{name}'
        for permitted in (
            checkpoint_globals(),
            _weights_only_unpickler._get_allowed_globals(),
        ):
            if full_name in permitted:
                return permitted[full_name]
        raise UnpicklingError(f'Unsupported global: GLOBAL {full_name}')


def load(file: BinaryIO, **kwargs: Any) -> Any:
    """As :func:`pickle.load`, restricted.

    Args:
        file (BinaryIO): The pickle.
        **kwargs: As for :class:`pickle.Unpickler`.

    Returns:
        Any: The object.
    """
    return Unpickler(file, **kwargs).load()
