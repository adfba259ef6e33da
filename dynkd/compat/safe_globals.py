# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a checkpoint may name besides plain Python values.

A pickle names the classes and functions that rebuild its objects. Loading a checkpoint
without running code from it means to know all of them beforehand. MMEngine's Runner
writes:

- tensors and parameters, by torch's functions that rebuild them;
- ordered dictionaries, counters, sets, bytes, complex numbers, torch's types, sizes and
  devices;
- ``HistoryBuffer`` in the message hub, with its statistics methods, which pickle names
  as ``getattr(HistoryBuffer, 'min')``;
- the annealing function of ``OneCycleParamScheduler``, named likewise;
- NumPy arrays and scalars in those buffers, the schedulers, the best score and the
  data set's meta information (under ``numpy.core`` or ``numpy._core``, as the NumPy
  that wrote the file calls it);
- ``ConfigDict`` where a data set's meta information came from a config.

Each has a function here that checks what it is called with. Besides, a user may permit
classes of his own with ``torch.serialization.add_safe_globals``.
"""

from collections import Counter, OrderedDict
from typing import Any, Callable

from .plain_data import Budget, check_tree
from .restricted_pickle import Permitted, Unfinished, UnpermittedError
from .safe_arrays import NDARRAY, dtype, scalar, unfinished_array
from .safe_tensors import torch_names

_ONE_CYCLE = 'mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler'
_ANNEALING = ('_annealing_cos', '_annealing_linear')
_STATISTICS = ('min', 'max', 'current', 'mean')
_HISTORY = 'mmengine.logging.history_buffer.HistoryBuffer'
_NOT_USERS = ('torch.', 'numpy.', 'builtins.', 'mmengine.')


class Statistic(Permitted):
    """Stands for a statistics method of ``HistoryBuffer``.

    Args:
        name (str): Its name.
    """


class _History(Unfinished):
    """A ``HistoryBuffer`` whose state follows later."""

    def finish(self, state: Any) -> Any:
        """Make the buffer, of two arrays of numbers and known methods."""
        from mmengine.logging import HistoryBuffer

        try:
            history, counts = state['_log_history'], state['_count_history']
            methods, length = state.get('statistics_methods', {}), state['max_length']
            plain = history.ndim == counts.ndim == 1 and len(history) == len(counts)
            plain &= history.dtype.kind in 'biuf' and counts.dtype.kind in 'biuf'
            plain &= type(length) is int and length > 0
            plain &= all(type(method) is Statistic for method in methods.values())
        except (AttributeError, KeyError, TypeError):
            plain = False
        if not plain:
            raise UnpermittedError(f'{_HISTORY} of anything but numbers')
        # The methods themselves are not the buffer's, but its class's.
        buffer = HistoryBuffer([], [], length)
        buffer._log_history, buffer._count_history = history, counts
        return buffer


def permitted_names(size: int) -> dict[str, Any]:
    """What a checkpoint may name.

    Args:
        size (int): The size of its file, which limits the copies that it asks for.

    Returns:
        dict[str, Any]: What stands for each name: a :class:`Permitted`, or plain data.
    """
    # The bytes of an array are copied twice: from text, and into the array. Each may
    # take as much as the file, of which histories can be the largest part.
    budget, arrays = Budget(size), Budget(size)
    calls: dict[str, Callable] = {
        'builtins.getattr': _method,
        'builtins.bytes': _empty_bytes,
        'builtins.bytearray': lambda *args: bytearray(_encode(budget, *args)),
        'builtins.complex': _complex,
        'builtins.set': lambda items=(): set(_listed(budget, items)),
        'collections.Counter': lambda items=(): Counter(_mapping(budget, items)),
        'collections.OrderedDict': lambda items=(): OrderedDict(_pairs(budget, items)),
        '_codecs.encode': lambda *args: _encode(budget, *args),
        'mmengine.config.config.ConfigDict': lambda items=(): _config(budget, items),
        'numpy.dtype': dtype,
    }
    for core in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        calls[f'{core}._reconstruct'] = lambda *args: unfinished_array(arrays, *args)
        calls[f'{core}.scalar'] = scalar
    names: dict[str, Any] = {
        name: Permitted(name, call) for name, call in calls.items()
    }
    names['numpy.ndarray'] = NDARRAY
    names[_ONE_CYCLE] = Permitted(_ONE_CYCLE)
    names[_HISTORY] = Permitted(_HISTORY, new=_History)
    names.update(torch_names())
    return dict(_users(), **names)


def _users() -> dict[str, Permitted]:
    """Classes and functions that the user, and not torch, has permitted."""
    from torch import serialization

    find = getattr(serialization, 'get_safe_globals', None)
    names = {}
    for entry in find() if find is not None else ():
        named, own = entry if isinstance(entry, tuple) else (entry, None)
        name = own or f'{named.__module__}.{named.__qualname__}'
        if not name.startswith(_NOT_USERS):
            names[name] = Permitted(name, named, cls=named)
    return names


def _method(owner: Any, name: str, *default: Any) -> Any:
    """Stands for ``getattr``, for the methods that states of MMEngine's name."""
    is_history = type(owner) is Permitted and owner.name == _HISTORY
    if is_history and name in _STATISTICS and not default:
        return Statistic(name)
    is_one_cycle = type(owner) is Permitted and owner.name == _ONE_CYCLE
    if is_one_cycle and name in _ANNEALING and not default:
        from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

        # A function of numbers, which the scheduler's state names.
        return getattr(OneCycleParamScheduler, name)
    label = owner.name if isinstance(owner, Permitted) else type(owner)
    raise UnpermittedError(f'builtins.getattr({label}, {name!r})')


def _empty_bytes() -> bytes:
    # Protocol 2 writes b'', an empty array's data, as a call of bytes.
    return b''


def _encode(budget: Budget, text: Any = b'', encoding: str = 'latin1') -> bytes:
    """Protocol 2 writes bytes as text, with the encoding to convert it back."""
    if encoding not in ('latin1', 'latin-1') or type(text) not in (str, bytes):
        raise UnpermittedError('_codecs.encode of anything but latin1')
    budget.spend(len(text))
    return text if isinstance(text, bytes) else text.encode('latin1')


def _complex(real: float, imag: float) -> complex:
    return complex(float(real), float(imag))


def _listed(budget: Budget, items: Any) -> list:
    if type(items) is not list:
        raise UnpermittedError('builtins.set of anything but a list')
    budget.spend(len(items))
    return items


def _mapping(budget: Budget, items: Any) -> dict:
    if type(items) is not dict and items != ():
        raise UnpermittedError('collections.Counter of anything but a dictionary')
    budget.spend(len(items))
    return dict(items)


def _pairs(budget: Budget, items: Any) -> list:
    """Python 2 writes ordered dictionaries as a list of pairs."""
    if type(items) not in (list, tuple) or any(len(pair) != 2 for pair in items):
        raise UnpermittedError('collections.OrderedDict of anything but pairs')
    budget.spend(len(items))
    return items


def _config(budget: Budget, items: Any) -> Any:
    """MMEngine copies the dictionary, and all that is in it."""
    from mmengine.config import ConfigDict

    if type(items) is not dict and items != ():
        raise UnpermittedError('ConfigDict of anything but a dictionary')
    budget.spend(check_tree(items))
    return ConfigDict(items)
