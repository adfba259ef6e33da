# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Reads the two formats that ``torch.save`` writes, and nothing else.

A zip archive since torch 1.6: ``data.pkl``, and each storage in a member of its own,
all uncompressed. Before, several pickles in a row and then the storages.

``torch.load`` reads more: archives of programs, tar archives, compressed members. It
believes the sizes that the pickle declares, and leaves the checksums of members alone.
"""

import io
import pickle
import struct
import sys
import zipfile
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Callable, Optional

from .plain_data import Budget, check_tree
from .restricted_pickle import UnpermittedError, Unpickler
from .safe_globals import permitted_names
from .safe_tensors import Stored, allocate, fill, storage_id, width

_ZIP = b'PK\x03\x04'
_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_CHUNK = 16 * 2**20
_ENCRYPTED = 1
#: What torch writes for a member when it was told to compute no checksums.
_NO_CHECKSUMS = 0
_BYTE_ORDER = sys.byteorder.encode()


class PlacementError(Exception):
    """A tensor cannot be placed on its device; the cause says why."""


class Reader:
    """Reads a checkpoint.

    Args:
        file (BinaryIO): The file, at its beginning.
        place (Callable): Moves an ``UntypedStorage``, which the file says was at a
            location, to where it should be.
    """

    def __init__(self, file: BinaryIO, place: Callable[[Any, str], Any]) -> None:
        self._file, self._place = file, place
        self._size = file.seek(0, 2)
        file.seek(0)
        self._names = permitted_names(self._size)

    def read(self) -> Any:
        """Read it.

        Returns:
            Any: What it holds.

        Raises:
            UnpermittedError: If it wants what is not permitted.
            PlacementError: If a tensor cannot be placed.
            Exception: Of any kind, if it is no checkpoint or is damaged.
        """
        zipped = self._file.read(4) == _ZIP
        self._file.seek(0)
        value = self._read_zip() if zipped else self._read_pickles()
        check_tree(value)
        return value

    def check(self) -> None:
        """Check that the file is complete, without building its content if possible.

        Raises:
            Exception: Of any kind, if it is no checkpoint or is damaged.
        """
        if self._file.read(4) == _ZIP:
            with zipfile.ZipFile(self._file) as archive:
                members = _Members(archive, self._size)
                members.check_rest()
                members.read('data.pkl')
            return
        self._file.seek(0)
        self.read()

    def _read_zip(self) -> Any:
        with zipfile.ZipFile(self._file) as archive:
            members = _Members(archive, self._size)
            loaded: dict[str, Any] = {}

            def persistent(pid: Any) -> Stored:
                of, key, location, count = storage_id(pid)
                if key not in loaded:
                    storage = members.storage(f'data/{key}', count * width(of))
                    loaded[key] = self._placed(storage, location)
                return Stored(loaded[key], of, count)

            with io.BytesIO(members.read('data.pkl')) as data:
                value = Unpickler(data, self._size, self._names, persistent).load()
            members.check_rest()
        return value

    def _read_pickles(self) -> Any:
        if self._file.read(1) != pickle.PROTO:
            raise pickle.UnpicklingError('it does not begin like a checkpoint')
        self._file.seek(0)
        if self._pickle() != _MAGIC or self._pickle() != _VERSION:
            raise pickle.UnpicklingError('it does not begin like a checkpoint')
        if self._pickle().get('little_endian') is not (sys.byteorder == 'little'):
            raise pickle.UnpicklingError('it was written with another byte order')
        # The storages, and what they are copied to, come before their content.
        read: dict[str, tuple[Any, Any, int]] = {}
        declared = Budget(self._size)

        def persistent(pid: Any) -> Stored:
            if type(pid) is tuple and len(pid) == 6 and pid[5] is None:
                pid = pid[:5]
            of, key, location, count = storage_id(pid)
            if key not in read:
                declared.spend(count * width(of))
                storage = allocate(count * width(of))
                read[key] = (storage, self._placed(storage, location), width(of))
            return Stored(read[key][1], of, count)

        value = self._pickle(persistent)
        for key in self._pickle():
            storage, placed, each = read.pop(key)
            if struct.unpack('<q', self._file.read(8))[0] * each != storage.nbytes():
                raise pickle.UnpicklingError('a storage has another size than declared')
            fill(storage, self._file)
            if placed is not storage:
                placed.copy_(storage)
        if read:
            raise pickle.UnpicklingError('it is cut short')
        return value

    def _pickle(self, persistent: Optional[Callable] = None) -> Any:
        """Read the next of several pickles."""
        left = self._size - self._file.tell()
        return Unpickler(self._file, left, self._names, persistent).load()

    def _placed(self, storage: Any, location: str) -> Any:
        """Move a storage to its device."""
        try:
            return self._place(storage, location)
        except Exception as error:
            raise PlacementError from error


class _Members:
    """The members of a zip archive, as torch writes them.

    Args:
        archive (ZipFile): The archive.
        size (int): Size of its file.
    """

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._archive, self._infos = archive, {}
        roots = set()
        for info in archive.infolist():
            path = PurePosixPath(info.filename)
            outside = path.is_absolute() or '..' in path.parts or '\\' in info.filename
            if outside or len(path.parts) < 2:
                raise zipfile.BadZipFile(f'no member is called {info.filename!r}')
            compressed = info.compress_type != zipfile.ZIP_STORED
            if compressed or info.compress_size != info.file_size:
                raise zipfile.BadZipFile('its members are compressed')
            if info.flag_bits & _ENCRYPTED:
                raise zipfile.BadZipFile('its members are encrypted')
            if info.CRC == _NO_CHECKSUMS:
                unchecked: Any = info
                unchecked.CRC = None
            roots.add(path.parts[0])
            self._infos['/'.join(path.parts[1:])] = info
        names = len(archive.infolist())
        total = sum(info.file_size for info in self._infos.values())
        if total > size or len(self._infos) != names or len(roots) != 1:
            raise zipfile.BadZipFile('its members are not those of a checkpoint')
        if 'constants.pkl' in self._infos:
            raise UnpermittedError('TorchScript, a program')
        if self._infos.get('byteorder') and self.read('byteorder') != _BYTE_ORDER:
            raise zipfile.BadZipFile('it was written with another byte order')
        self._read: set[str] = set()

    def read(self, name: str) -> bytes:
        """Read a member, and check it."""
        return self._archive.read(self._info(name))

    def storage(self, name: str, size: int) -> Any:
        """Read a storage, and check it."""
        info = self._info(name)
        if info.file_size != size:
            raise zipfile.BadZipFile('a storage has another size than declared')
        storage = allocate(size)
        with self._archive.open(info) as member:
            fill(storage, member)
            # At the end the checksum is compared.
            member.read(1)
        self._read.add(name)
        return storage

    def check_rest(self) -> None:
        """Check the members that nothing has referred to."""
        for name in self._infos.keys() - self._read:
            with self._archive.open(self._infos[name]) as member:
                while member.read(_CHUNK):
                    pass

    def _info(self, name: str) -> zipfile.ZipInfo:
        if name not in self._infos:
            raise zipfile.BadZipFile(f'it has no {name}')
        return self._infos[name]
