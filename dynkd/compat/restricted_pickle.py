# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""An unpickler that builds only what it was told to permit.

A pickle is a program: it looks up functions by name, calls them, and sets the state of
what they return. Here each of these three steps has a rule of its own, where Python's
unpickler has none, and torch's has them for classes and not for single calls.

- A name is looked up in a table, and gives a :class:`Permitted`, or plain data.
- Only a :class:`Permitted` is called, and never the object that it stands for.
- State is set only on what is :class:`Unfinished`, which returns the finished object.

The file gets no access to DynKD's or a library's objects: no class, no function, no
NumPy type whose state could be set. The only exception are classes that the user has
permitted.
"""

import functools
import pickle
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Any, BinaryIO, Callable, ClassVar, Optional

#: What a pickle of protocol 2 is made of, as far as checkpoints need it.
_OPCODES = (
    pickle.PROTO + pickle.STOP + pickle.MARK + pickle.NONE + pickle.NEWTRUE
    + pickle.NEWFALSE + pickle.BININT + pickle.BININT1 + pickle.BININT2 + pickle.LONG1
    + pickle.BINFLOAT + pickle.BINUNICODE + pickle.SHORT_BINSTRING + pickle.BINSTRING
    + pickle.EMPTY_TUPLE + pickle.TUPLE + pickle.TUPLE1 + pickle.TUPLE2 + pickle.TUPLE3
    + pickle.EMPTY_LIST + pickle.APPEND + pickle.APPENDS + pickle.EMPTY_DICT
    + pickle.SETITEM + pickle.SETITEMS + pickle.EMPTY_SET + pickle.BINPUT
    + pickle.LONG_BINPUT + pickle.BINGET + pickle.LONG_BINGET + pickle.GLOBAL
    + pickle.REDUCE + pickle.NEWOBJ + pickle.BUILD + pickle.BINPERSID
)  # fmt: skip
#: Names of classes and functions are short.
_LONGEST_LINE = 1000


class UnpermittedError(pickle.UnpicklingError):
    """A pickle wants to use something that is not permitted.

    Args:
        name (str): What it wants.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Permitted:
    """Stands for a class or function that a pickle may name.

    Args:
        name (str): Its full name.
        call (Callable, optional): What is called in its place. Defaults to None: it may
            only be named, as an argument of another.
        new (Callable, optional): What makes an empty object of the class. Defaults to
            None: nothing does.
        cls (type, optional): A class of which the file makes objects as it likes.
            Defaults to None.
    """

    def __init__(
        self,
        name: str,
        call: Optional[Callable] = None,
        new: Optional[Callable] = None,
        cls: Optional[type] = None,
    ) -> None:
        self.name, self.call, self.new = name, call, new
        self.cls = cls if isinstance(cls, type) else None
        if self.cls is not None:
            self.new = functools.partial(self.cls.__new__, self.cls)


class Unfinished(ABC):
    """What is complete only when its state is set."""

    @abstractmethod
    def finish(self, state: Any) -> Any:
        """Complete it.

        Args:
            state (Any): What the pickle says of it.

        Returns:
            Any: The object that the pickle describes.
        """


class Unpickler(pickle._Unpickler):
    """Reads one pickle.

    Args:
        file (BinaryIO): The pickle. Read no further than its end.
        size (int): How many bytes there can be.
        names (dict[str, Any]): What the file may name: a :class:`Permitted`, or data.
        persistent (Callable, optional): Returns what stands for a persistent id.
            Defaults to None: there is none.
    """

    #: What the pure Python reader of the standard library keeps, with their types.
    stack: list[Any]
    memo: dict[int, Any]
    append: Callable[[Any], None]
    read: Callable[[int], bytes]
    pop_mark: Callable[[], list[Any]]

    dispatch: ClassVar[dict[int, Any]] = {
        code: pickle._Unpickler.dispatch[code] for code in _OPCODES
    }

    def __init__(
        self,
        file: BinaryIO,
        size: int,
        names: dict[str, Any],
        persistent: Optional[Callable[[Any], Any]] = None,
    ) -> None:
        super().__init__(_Bounded(file, size), encoding='utf-8')
        self._names, self._persistent = names, persistent
        permitted = (own for own in names.values() if isinstance(own, Permitted))
        self._classes = {own.cls for own in permitted if own.cls is not None}
        self._remembered: dict[int, list[int]] = {}

    def load(self) -> Any:
        """Read it.

        Returns:
            Any: What it holds.

        Raises:
            UnpermittedError: If it wants what is not permitted.
            Exception: Of any kind, if it is no pickle.
        """
        try:
            return super().load()
        except KeyError as error:
            # Not what a reader of the message knows: an opcode, or a memo's number.
            raise pickle.UnpicklingError(
                'it is not a pickle of a checkpoint'
            ) from error

    def find_class(self, module: str, name: str) -> Any:
        """Look a name up.

        Args:
            module (str): The module that the file names.
            name (str): The class or function that the file names.

        Returns:
            Permitted | Any: What stands for it.

        Raises:
            UnpermittedError: If it is not permitted.
        """
        # Protocol 2, which torch writes, uses Python 2's names.
        if (module, name) in NAME_MAPPING:
            module, name = NAME_MAPPING[module, name]
        full_name = f'{IMPORT_MAPPING.get(module, module)}.{name}'
        if full_name not in self._names:
            raise UnpermittedError(full_name)
        return self._names[full_name]

    def persistent_load(self, pid: Any) -> Any:
        """Look a persistent id up.

        Args:
            pid (Any): The id.

        Returns:
            Any: What stands for it.

        Raises:
            UnpicklingError: If there should be none.
        """
        if self._persistent is None:
            raise pickle.UnpicklingError('it refers to a missing part')
        return self._persistent(pid)

    def load_reduce(self) -> None:
        """Call what is permitted."""
        args, called = self.stack.pop(), self.stack[-1]
        if type(called) is not Permitted or called.call is None:
            raise UnpermittedError(_label(called))
        self.stack[-1] = called.call(*args)

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_newobj(self) -> None:
        """Make an empty object of a class that is permitted."""
        args, cls = self.stack.pop(), self.stack.pop()
        if type(cls) is not Permitted or cls.new is None:
            raise UnpermittedError(_label(cls))
        self.append(cls.new(*args))

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_build(self) -> None:
        """Complete what is unfinished."""
        state, built = self.stack.pop(), self.stack[-1]
        if type(built) is OrderedDict:
            # Of its attributes, only the versions of a state dict's modules are known.
            if isinstance(state, dict) and '_metadata' in state:
                built.__dict__['_metadata'] = state['_metadata']
            return
        if type(built) in self._classes:
            if hasattr(built, '__setstate__'):
                built.__setstate__(state)
            else:
                built.__dict__.update(state)
            return
        if not isinstance(built, Unfinished):
            raise UnpermittedError(f'the state of {_label(built)}')
        finished = built.finish(state)
        self.stack[-1] = finished
        for key in self._remembered.pop(id(built), ()):
            if self.memo[key] is built:
                self.memo[key] = finished

    dispatch[pickle.BUILD[0]] = load_build

    def load_binput(self) -> None:
        """Remember an object by a small number."""
        self._remember(self.read(1)[0])

    dispatch[pickle.BINPUT[0]] = load_binput

    def load_long_binput(self) -> None:
        """Remember an object by a number."""
        self._remember(int.from_bytes(self.read(4), 'little'))

    dispatch[pickle.LONG_BINPUT[0]] = load_long_binput

    def _remember(self, key: int) -> None:
        value = self.memo[key] = self.stack[-1]
        if isinstance(value, Unfinished):
            self._remembered.setdefault(id(value), []).append(key)

    def load_append(self) -> None:
        """Append to a list."""
        value = self.stack.pop()
        self._extend([value])

    dispatch[pickle.APPEND[0]] = load_append

    def load_appends(self) -> None:
        """Append several values to a list."""
        self._extend(self.pop_mark())

    dispatch[pickle.APPENDS[0]] = load_appends

    def _extend(self, values: Iterable[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise UnpermittedError(f'append of {_label(self.stack[-1])}')
        self.stack[-1].extend(values)

    def load_setitem(self) -> None:
        """Set an item of a dictionary."""
        value, key = self.stack.pop(), self.stack.pop()
        self._update([key, value])

    dispatch[pickle.SETITEM[0]] = load_setitem

    def load_setitems(self) -> None:
        """Set several items of a dictionary."""
        self._update(self.pop_mark())

    dispatch[pickle.SETITEMS[0]] = load_setitems

    def _update(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) not in (dict, OrderedDict, Counter):
            raise UnpermittedError(f'items of {_label(target)}')
        for key, value in zip(items[::2], items[1::2]):
            target[key] = value


class _Bounded:
    """Reads a file within its size, and rejects lengths beyond it.

    Otherwise a declared length would be allocated before it is read.

    Args:
        file (BinaryIO): The file.
        size (int): How many bytes are left in it.
    """

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self._left = file, size

    def read(self, count: int) -> bytes:
        if not 0 <= count <= self._left:
            raise EOFError('it is cut short')
        self._left -= count
        return self._file.read(count)

    def readline(self) -> bytes:
        line = self._file.readline(_LONGEST_LINE)
        if not line.endswith(b'\n'):
            raise pickle.UnpicklingError('it is not a pickle of a checkpoint')
        self._left -= len(line)
        return line


def _label(value: Any) -> str:
    """What a message calls an object that the pickle wants to use."""
    return value.name if isinstance(value, Permitted) else type(value).__name__
