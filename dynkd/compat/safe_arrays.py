# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""NumPy arrays from a pickle: plain numbers whose bytes match the declared shape.

NumPy trusts what a pickle says about an array: its type, the place of each field in an
item, and that bytes are pointers to objects. Here the file gets no access to NumPy's
arrays or types. It only describes an array, which is built when the description is
complete.
"""

import math
import re
from typing import Any

import numpy as np

from .plain_data import Budget
from .restricted_pickle import Permitted, Unfinished, UnpermittedError

#: Bool, signed, unsigned, float, complex; bytes and text of a fixed length.
_CODE = re.compile(r'[<>|=]?(?:[biufcSU]\d{1,9}|\?)')
_MOST_AXES = 32
_LARGEST_CHARACTER = 0x10FFFF

NDARRAY = Permitted('numpy.ndarray')


class _Dtype(Unfinished):
    """A type of NumPy's, which the file says more about later.

    Args:
        code (str): Its code, as ``'f8'``.
    """

    def __init__(self, code: str) -> None:
        self.dtype = np.dtype(code)

    def finish(self, state: Any) -> '_Dtype':
        """Take the order of bytes from its state, of which the rest must be plain."""
        try:
            version, order, *parts, size, align, flags = state[:8]
            plain = parts == [None] * 3 and size in (-1, self.dtype.itemsize)
        except (TypeError, ValueError):
            plain = False
        if not plain or order not in ('<', '>', '|', '='):
            raise UnpermittedError(f'numpy.dtype({self.dtype.str!r}) with fields')
        self.dtype = self.dtype.newbyteorder(order)
        return self


class _Array(Unfinished):
    """An array whose shape, type and bytes follow later.

    Args:
        budget (Budget): What it may take.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def finish(self, state: Any) -> np.ndarray:
        """Make the array, if its bytes are those that its shape and type need."""
        try:
            version, shape, kind, fortran, data = state
        except (TypeError, ValueError):
            raise UnpermittedError('an array of an unknown description') from None
        if type(kind) is not _Dtype or type(data) is not bytes:
            raise UnpermittedError('an array of objects')
        if type(shape) is not tuple or len(shape) > _MOST_AXES:
            raise UnpermittedError('an array of no shape')
        if any(type(side) is not int or side < 0 for side in shape):
            raise UnpermittedError('an array of no shape')
        self._budget.spend(len(data))
        return _made(kind.dtype, shape, data, 'F' if fortran else 'C')


def dtype(code: Any, align: Any = False, copy: Any = True) -> _Dtype:
    """Stands for ``numpy.dtype``.

    Args:
        code (str): Code of the type.
        align (bool): Not looked at.
        copy (bool): Not looked at.

    Returns:
        _Dtype: The type.

    Raises:
        UnpermittedError: If it is not one of plain numbers, or of text.
    """
    if type(code) is not str or _CODE.fullmatch(code) is None:
        raise UnpermittedError(f'numpy.dtype({code!r})')
    return _Dtype(code)


def unfinished_array(budget: Budget, cls: Any, shape: Any, typecode: Any) -> _Array:
    """Stands for ``_reconstruct`` of NumPy.

    Args:
        budget (Budget): What the array may take.
        cls (Permitted): Its class.
        shape (tuple): Not looked at: the real one comes later.
        typecode (bytes): Not looked at, either.

    Returns:
        _Array: The array, to be finished.

    Raises:
        UnpermittedError: If it is of another class.
    """
    if cls is not NDARRAY:
        raise UnpermittedError('an array of a class of its own')
    return _Array(budget)


def scalar(kind: Any, data: Any) -> np.generic:
    """Stands for ``scalar`` of NumPy.

    Args:
        kind (_Dtype): Its type.
        data (bytes): Its bytes.

    Returns:
        np.generic: The scalar.

    Raises:
        UnpermittedError: If it is an object.
    """
    if type(kind) is not _Dtype or type(data) is not bytes:
        raise UnpermittedError('numpy.scalar of an object')
    return _made(kind.dtype, (), data, 'C')[()]


def _made(kind: np.dtype, shape: tuple, data: bytes, order: Any) -> Any:
    """Copy bytes into an array of the machine's order of bytes."""
    if math.prod(shape) * kind.itemsize != len(data):
        raise UnpermittedError('an array that is not of the size of its bytes')
    array = np.ndarray(shape, kind, data, order=order)
    array = array.astype(kind.newbyteorder('='), order='K')
    if kind.kind == 'U' and array.size and kind.itemsize:
        flat = np.ravel(array, order='K').view(np.uint32)
        if flat.max() > _LARGEST_CHARACTER:
            raise UnpermittedError('text of no characters')
    return array
