# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tensors from a pickle, none larger than the bytes of its storage.

torch enlarges a storage to what a tensor of it declares, and believes what a pickle
says of a storage's size. Here both are compared with the bytes that there are.
"""

import math
import pickle
from typing import IO, Any, NoReturn, Optional

from .restricted_pickle import Permitted, Unfinished, UnpermittedError

_CHUNK = 16 * 2**20
#: A tensor may repeat its numbers, as `expand` does, up to this many.
_REPEATED = 2**20
_LARGEST_SIDE = 2**48
_MOST_AXES = 64
#: torch's names of its types' storages.
_STORAGES = dict(
    Double='float64',
    Float='float32',
    Half='float16',
    BFloat16='bfloat16',
    Long='int64',
    Int='int32',
    Short='int16',
    Char='int8',
    Byte='uint8',
    Bool='bool',
    ComplexDouble='complex128',
    ComplexFloat='complex64',
)


class Storage(Permitted):
    """The type of the numbers in a storage that a checkpoint refers to.

    Args:
        dtype (torch.dtype): Their type; uint8 for bytes whose type is told later.
    """

    def __init__(self, dtype: Any) -> None:
        super().__init__('torch.Storage')
        self.dtype = dtype


class Stored(Unfinished):
    """Numbers that a tensor is made of.

    Args:
        storage (UntypedStorage): Their bytes.
        dtype (torch.dtype): Their type.
        count (int): How many there are.
    """

    name = 'torch.storage.TypedStorage'

    def __init__(self, storage: Any, dtype: Any, count: int) -> None:
        self.storage, self.dtype, self.count = storage, dtype, count

    def finish(self, state: Any) -> NoReturn:
        """Refuse a state: only a tensor is made of it."""
        raise UnpermittedError(f'the state of {self.name}')


def torch_names() -> dict[str, Any]:
    """What a checkpoint may name of torch's.

    Returns:
        dict[str, Any]: What stands for each name: a :class:`Permitted`, or plain data.
    """
    import torch

    names: dict[str, Any] = {
        f'torch.{name}': value
        for name, value in vars(torch).items()
        if isinstance(value, torch.dtype)
    }
    for prefix in ('torch', 'torch.cuda'):
        for name, of in _STORAGES.items():
            names[f'{prefix}.{name}Storage'] = Storage(getattr(torch, of))
    names['torch.storage.UntypedStorage'] = Storage(torch.uint8)
    for name, call in _CALLS.items():
        names[name] = Permitted(name, call)
    return names


def width(dtype: Any) -> int:
    """Bytes of a number."""
    import torch

    return torch.empty((), dtype=dtype).element_size()


def storage_id(pid: Any) -> tuple[Any, str, str, int]:
    """The type, key, location and number of numbers of a storage."""
    if type(pid) is not tuple or len(pid) != 5 or pid[0] != 'storage':
        raise pickle.UnpicklingError('it refers to a missing part')
    _, kind, key, location, count = pid
    texts = type(key) is str and type(location) is str
    if type(kind) is not Storage or not texts or type(count) is not int or count < 0:
        raise UnpermittedError('a storage of an unknown kind')
    return kind.dtype, key, location, count


def _tensor(
    stored: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    metadata: Any = None,
) -> Any:
    """Stands for ``torch._utils._rebuild_tensor_v2``."""
    if type(stored) is not Stored:
        raise UnpermittedError('a tensor without a storage')
    return _made(stored, stored.dtype, offset, size, stride, requires_grad, metadata)


def _tensor_of_type(
    stored: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    hooks: Any,
    dtype: Any,
    metadata: Any = None,
) -> Any:
    """Stands for ``torch._utils._rebuild_tensor_v3``, of types without storages."""
    import torch

    if type(stored) is not Stored or not isinstance(dtype, torch.dtype):
        raise UnpermittedError('a tensor without a storage')
    return _made(stored, dtype, offset, size, stride, requires_grad, metadata)


def _made(
    stored: Stored,
    dtype: Any,
    offset: Any,
    size: Any,
    stride: Any,
    requires_grad: Any,
    metadata: Any,
) -> Any:
    """Make a tensor that lies within its storage."""
    import torch

    tuples = isinstance(size, tuple) and isinstance(stride, tuple)
    numbers: list[Any] = [offset, *size, *stride] if tuples else [None]
    if any(type(number) is not int or number < 0 for number in numbers) or metadata:
        raise UnpermittedError('a tensor of an unknown description')
    there = stored.storage.nbytes() // width(dtype)
    steps = [(side - 1) * step for side, step in zip(size, stride)]
    needed = offset + (sum(steps) + 1 if all(size) else 0)
    if len(size) != len(stride) or len(size) > _MOST_AXES or needed > there:
        raise UnpermittedError('a tensor that is larger than its storage')
    if math.prod(size) > max(there, _REPEATED) or max(numbers) > _LARGEST_SIDE:
        raise UnpermittedError('a tensor that is larger than its storage')
    tensor = torch.empty((0,), dtype=dtype, device=stored.storage.device)
    tensor.set_(stored.storage, offset, size, stride)
    return tensor.requires_grad_() if requires_grad is True else tensor


def allocate(size: int) -> Any:
    """A storage of a number of bytes, on the CPU."""
    import torch

    return torch.empty(size, dtype=torch.uint8).untyped_storage()


def fill(storage: Any, file: IO[bytes]) -> None:
    """Read a storage from where a file is."""
    import torch

    array: Any = torch.empty(0, dtype=torch.uint8).set_(storage).numpy()
    view = memoryview(array)
    done = 0
    while done < len(view):
        chunk = file.read(min(_CHUNK, len(view) - done))
        if not chunk:
            raise EOFError('it is cut short')
        view[done : done + len(chunk)] = chunk
        done += len(chunk)


def _parameter(data: Any, requires_grad: bool, hooks: Optional[dict] = None) -> Any:
    """Stands for ``torch._utils._rebuild_parameter``."""
    import torch

    if type(data) is not torch.Tensor or hooks:
        raise UnpermittedError('a parameter that is not made of a tensor')
    return torch.nn.Parameter(data, bool(requires_grad))


def _size(size: Any) -> Any:
    """Stands for ``torch.Size``."""
    import torch

    if type(size) not in (list, tuple) or any(type(side) is not int for side in size):
        raise UnpermittedError('torch.Size of anything but integers')
    return torch.Size(size)


def _device(*args: Any) -> Any:
    """Stands for ``torch.device``."""
    import torch

    return torch.device(*args)


_CALLS = {
    'torch.Size': _size,
    'torch.device': _device,
    'torch._utils._rebuild_tensor_v2': _tensor,
    'torch._utils._rebuild_tensor_v3': _tensor_of_type,
    'torch._utils._rebuild_parameter': _parameter,
}
