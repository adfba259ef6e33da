# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a checkpoint may name besides tensors and plain Python values.

A pickle names the classes and functions that rebuild its objects. Loading a checkpoint
without running code from it means to know all of them beforehand. MMEngine's Runner
writes, beyond what torch permits by itself:

- ``HistoryBuffer`` in the message hub, with its statistics methods, which pickle names
  as ``getattr(HistoryBuffer, 'min')``;
- NumPy arrays and scalars in those buffers, the schedulers, the best score and the
  data set's meta information (under ``numpy.core`` or ``numpy._core``, as the NumPy
  that wrote the file calls it);
- ``ConfigDict`` where a data set's meta information came from a config.

The functions here stand in for those that the file names and accept no other use of
them: ``getattr`` gives the four statistics methods and nothing else.
"""

import pickle
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Callable, Optional

import numpy as np
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

#: Bool, signed, unsigned, float, complex, bytes, str. No objects and no structured
#: types, whose description in a file could reach beyond the data.
_KINDS = 'biufcSU'
_STATISTICS = ('min', 'max', 'current', 'mean')

# NumPy moved these from numpy.core to numpy._core; asking an instance works with both.
_rebuild_array = np.zeros(1).__reduce__()[0]
_rebuild_scalar = np.float64(1).__reduce__()[0]


class _HandedOut(threading.local):
    """The dtypes that this thread's current load got, None outside of one."""

    dtypes: Optional[list[np.dtype]] = None


_handed_out = _HandedOut()


@contextmanager
def plain_dtypes_only() -> Iterator[None]:
    """Refuses a file that makes a plain dtype into a structured one.

    A pickle sets a dtype's fields after it was made, and NumPy believes the offsets in
    it: an array with such a dtype would read memory that is not its own.

    Raises:
        pickle.UnpicklingError: At the end, if a dtype was changed like that.
    """
    _handed_out.dtypes = dtypes = []
    try:
        yield
    finally:
        _handed_out.dtypes = None
    if any(d.fields is not None or d.subdtype is not None for d in dtypes):
        raise pickle.UnpicklingError(
            'Unsupported global: GLOBAL numpy.dtype(with_fields)'
        )


def _getattr(owner: Any, name: str, *default: Any) -> Callable:
    if owner is HistoryBuffer and name in _STATISTICS and not default:
        return getattr(HistoryBuffer, name)
    label = getattr(owner, '__qualname__', type(owner).__name__)
    raise pickle.UnpicklingError(
        f'Unsupported global: GLOBAL builtins.getattr({label}, {name!r})'
    )


def _dtype(spec: str, align: bool = False, copy: bool = True) -> np.dtype:
    if isinstance(spec, str):
        dtype = np.dtype(spec, copy=True)
        if dtype.kind in _KINDS:
            if _handed_out.dtypes is not None:
                _handed_out.dtypes.append(dtype)
            return dtype
    raise pickle.UnpicklingError(f'Unsupported global: GLOBAL numpy.dtype({spec!r})')


def _array(cls: type, shape: tuple, typecode: bytes) -> np.ndarray:
    if cls is not np.ndarray:
        raise pickle.UnpicklingError(f'Unsupported global: GLOBAL array of {cls!r}')
    return _rebuild_array(cls, shape, typecode)


def _scalar(dtype: np.dtype, data: bytes) -> np.generic:
    if not isinstance(dtype, np.dtype) or dtype.kind not in _KINDS:
        raise pickle.UnpicklingError(f'Unsupported global: GLOBAL scalar of {dtype!r}')
    return _rebuild_scalar(dtype, data)


def _empty_bytes() -> bytes:
    # Protocol 2 writes b'', an empty array's data, as a call of bytes.
    return b''


@lru_cache(maxsize=1)
def checkpoint_globals() -> dict[str, Any]:
    """What MMEngine's checkpoints need beyond torch's own list.

    Returns:
        dict[str, Any]: The name in the file, and what stands for it.
    """
    functions = {'builtins.getattr': _getattr, 'builtins.bytes': _empty_bytes}
    functions['numpy.dtype'] = _dtype
    for core in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        functions[f'{core}._reconstruct'] = _array
        functions[f'{core}.scalar'] = _scalar
    classes = {HistoryBuffer, ConfigDict, np.ndarray}
    classes |= {type(np.dtype(code)) for code in np.typecodes['AllFloat'] + 'FDGSU?'}
    classes |= {type(np.dtype(code)) for code in np.typecodes['AllInteger']}
    names = {_full_name(cls): cls for cls in classes}
    names |= {name: _renamed(function, name) for name, function in functions.items()}
    return names


def allow_checkpoint_globals() -> bool:
    """Adds them to those that ``torch.load(..., weights_only=True)`` accepts.

    Returns:
        bool: False where torch has no such list (before 2.4).
    """
    from torch import serialization

    if not hasattr(serialization, 'add_safe_globals'):
        return False
    serialization.add_safe_globals(list(checkpoint_globals().values()))
    return True


def _renamed(function: Callable, full_name: str) -> Callable:
    """A function under the name that files call it by.

    torch finds what was permitted by its own module and name. Newer ones can be given
    another name beside it, but this serves every torch that has the list.
    """

    def stand_in(*args: Any) -> Any:
        return function(*args)

    stand_in.__module__, _, stand_in.__name__ = full_name.rpartition('.')
    stand_in.__qualname__ = stand_in.__name__
    return stand_in


def _full_name(cls: type) -> str:
    return f'{cls.__module__}.{cls.__qualname__}'
