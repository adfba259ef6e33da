# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Files that attack whoever loads them as a checkpoint, and files that are none.

Each maker writes one file. What runs code would make the file ``witness``.
"""

import collections
import os
import pickle
import struct
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any, Callable

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

HUGE = 2**40
POINTER = struct.pack('<q', 0x4141414141)


class Call:
    """Pickles as a call of any function."""

    def __init__(self, function: Callable, *args: Any) -> None:
        self.reduced = (function, args)

    def __reduce__(self) -> tuple:
        return self.reduced


class Build:
    """Pickles as a call whose result's state is set to anything."""

    def __init__(self, function: Callable, args: tuple, state: Any) -> None:
        self.reduced = (function, args, state)

    def __reduce__(self) -> tuple:
        return self.reduced


_reconstruct = np.zeros(1).__reduce__()[0]
_scalar = np.float64(1).__reduce__()[0]


def _array(dtype: Any, shape: tuple, data: Any) -> Build:
    """An array as NumPy pickles it, of anything."""
    state = (1, shape, dtype, False, data)
    return Build(_reconstruct, (np.ndarray, (0,), b'b'), state)


def _fields(code: str) -> Build:
    """A plain type that becomes one with a field far beyond its item."""
    fields = {'a': (np.dtype('O'), 0)}
    state = (3, '|', None, ('a',), fields, 8, 1, 63)
    return Build(np.dtype, (code, False, True), state)


def _grown() -> list:
    """A type that grows after an array was made of it."""
    dtype = np.dtype('S1')
    grown = Build(np.dtype, ('S1', False, True), (3, '|', None, None, None, 4096, 1, 0))
    return [_array(dtype, (1,), b'x'), grown, _array(grown, (1,), b'x')]


def values(witness: Path) -> dict[str, Any]:
    """What is put into a checkpoint that is honest otherwise."""
    touch = f'touch {witness}'
    code = f'import os; os.system({touch!r})'
    cyclic: list = []
    cyclic.append(cyclic)
    circle: dict = {}
    circle['self'] = circle
    laughs: Any = [0]
    for _ in range(60):
        laughs = [laughs, laughs]
    configs: Any = ConfigDict(a=1)
    for _ in range(60):
        configs = dict(a=configs, b=configs)
    deep: Any = []
    for _ in range(150):
        deep = [deep]
    shared = bytes(2**20)
    buffer = HistoryBuffer([1.0], [1])
    return dict(
        system=Call(os.system, touch),
        eval=Call(eval, code),
        exec=Call(exec, code),
        imported=Call(__import__, 'antigravity'),
        nested_pickle=Call(pickle.loads, pickle.dumps(Call(os.system, touch))),
        getattr_chain=Call(getattr, Call(__import__, 'os'), 'system'),
        method=Call(getattr, HistoryBuffer, 'update'),
        method_globals=Call(
            getattr, Call(getattr, HistoryBuffer, 'min'), '__globals__'
        ),
        called_method=Call(HistoryBuffer.min, buffer),
        history_of_text=Build(
            HistoryBuffer, (), dict(_log_history='x', _count_history=1, max_length=1)
        ),
        function_state=Build(getattr, (HistoryBuffer, 'min'), {'__defaults__': (1,)}),
        numpy_load=Call(np.load, 'x.npy'),
        array_called=Call(np.ndarray, (1,), 'O', POINTER),
        array_called_mixed=Call(np.ndarray, (1,), 'i4,O', POINTER * 2),
        array_of_objects=_array(Call(np.dtype, 'O'), (1,), POINTER),
        array_of_object_list=_array(np.dtype('O'), (1,), [Call(os.system, touch)]),
        array_with_fields=_array(_fields('S8'), (1,), POINTER),
        array_structured=_array(Call(np.dtype, 'i4,O'), (1,), POINTER * 2),
        array_str_dtype=_array(
            Build(np.dtypes.StrDType, (4,), _fields('S8').reduced[2]), (1,), POINTER
        ),
        array_grown=_grown(),
        array_larger_than_bytes=_array(np.dtype('f8'), (10**9,), b'x' * 8),
        array_negative=_array(np.dtype('f8'), (-1,), b'x' * 8),
        array_of_no_characters=_array(np.dtype('U1'), (1,), b'\xff' * 4),
        array_many_copies=[_array(np.dtype('u1'), (len(shared),), shared)] * 1
        + [_array(np.dtype('u1'), (len(shared),), shared) for _ in range(5000)],
        scalar_of_object=Call(_scalar, Call(np.dtype, 'O'), POINTER),
        scalar_too_short=Call(_scalar, np.dtype('f8'), b'x'),
        huge_bytes=Call(bytearray, HUGE),
        huge_tensor=Call(torch.Tensor, HUGE),
        other_encoding=Call(collections.OrderedDict, Call(_encode, 'x', 'zip')),
        module=torch.nn.Linear(1, 1),
        cyclic_list=cyclic,
        cyclic_dict=circle,
        laughs=laughs,
        laughing_configs=Call(ConfigDict, configs),
        deep=deep,
        function=HistoryBuffer.min,
    )


_encode = __import__('_codecs').encode


def archive(path: Path, data: bytes, **members: bytes) -> None:
    """Write a zip archive as torch does, with any content."""
    named = {'data.pkl': data, 'version': b'3\n', 'byteorder': sys.byteorder.encode()}
    with zipfile.ZipFile(path, 'w') as file:
        for name, content in (named | members).items():
            file.writestr(f'archive/{name}', content)


def tensor_pickle(size: int, stride: int, numbers: int, offset: int = 0) -> bytes:
    """A pickle of a state dict with one tensor of any claims."""
    ids = b'X\x07\x00\x00\x00storagectorch\nFloatStorage\n'
    ids += b'X\x01\x00\x00\x000X\x03\x00\x00\x00cpu'
    return (
        b'\x80\x02}X\x01\x00\x00\x00wctorch._utils\n_rebuild_tensor_v2\n('
        + b'(' + ids + _number(numbers) + b'tQ'
        + _number(offset) + _number(size) + b'\x85' + _number(stride) + b'\x85'
        + b'\x89ccollections\nOrderedDict\n)Rt' + b'Rs.'
    )  # fmt: skip


def _number(value: int) -> bytes:
    data = pickle.encode_long(value)
    return pickle.LONG1 + bytes([len(data)]) + data


def files(path: Path, honest: dict, witness: Path) -> dict[str, Callable[[], Any]]:
    """Makers of files that are no honest checkpoint as a whole."""
    text = path.with_name('honest.pth')
    torch.save(honest, text)
    whole = text.read_bytes()
    text.unlink()

    def legacy() -> None:
        torch.save(
            dict(honest, evil=Call(os.system, f'touch {witness}')),
            path,
            _use_new_zipfile_serialization=False,
        )

    def legacy_huge() -> None:
        torch.save({'w': torch.ones(77777)}, path, _use_new_zipfile_serialization=False)
        data = path.read_bytes()
        path.write_bytes(data.replace(struct.pack('<i', 77777), b'\xff\xff\xff\x7f', 2))

    def tar() -> None:
        with tarfile.open(path, 'w') as file:
            for name in ('sys_info', 'pickle', 'tensors', 'storages'):
                info = tarfile.TarInfo(name)
                info.size = 0
                file.addfile(info)

    def script() -> None:
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), str(path))

    def bomb() -> None:
        torch.save(honest, path)
        with zipfile.ZipFile(path) as file:
            members = {info.filename: file.read(info) for info in file.infolist()}
        root = next(iter(members)).split('/')[0]
        members[f'{root}/data/99'] = bytes(2**28)
        with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
            for name, content in members.items():
                file.writestr(name, content)

    def flipped(where: bytes) -> None:
        data = bytearray(whole)
        place = data.index(where) + len(where) // 2
        data[place] ^= 1
        path.write_bytes(data)

    numbers = honest['state_dict']['a.weight'].numpy().tobytes()
    ones = struct.pack('<f', 1) * 4
    good = tensor_pickle(4, 1, 4)

    def tensor(*claims: int) -> Callable[[], None]:
        return lambda: archive(path, tensor_pickle(*claims), **{'data/0': ones})

    makers: dict[str, Callable[[], Any]] = dict(
        legacy_system=legacy,
        legacy_huge=legacy_huge,
        tar=tar,
        torchscript=script,
        zip_bomb=bomb,
        flipped_weights=lambda: flipped(numbers),
        member_above=lambda: archive(path, good, **{'data/0': ones, '../x': b'x'}),
        member_missing=lambda: archive(path, good),
        member_short=lambda: archive(path, good, **{'data/0': ones[:-4]}),
        tensor_beyond=tensor(5, 1, 4),
        tensor_far=tensor(2, HUGE, 4),
        tensor_offset=tensor(4, 1, 4, 1),
        tensor_repeated=tensor(HUGE, 0, 4),
        storage_huge=tensor(4, 1, HUGE),
        storage_negative=tensor(4, 1, -1),
        text_length=lambda: archive(path, b'\x80\x02X\xff\xff\xff\xff.'),
        unknown_opcode=lambda: archive(path, b'\x80\x02e.'),
        memo_of_nothing=lambda: archive(path, b'\x80\x02h\x07.'),
        class_state=lambda: archive(
            path,
            b'\x80\x02cmmengine.logging.history_buffer\nHistoryBuffer\n'
            b'}X\x03\x00\x00\x00minK\x01sb.',
        ),
        no_pickle=lambda: zipfile.ZipFile(path, 'w').close(),
        text=lambda: path.write_text('epoch: 1\n'),
        page=lambda: path.write_text('<html>not found</html>'),
        nothing=lambda: path.write_bytes(b''),
        zeros=lambda: path.write_bytes(bytes(1000)),
        bare_list=lambda: torch.save([1], path),
        bare_tensor=lambda: torch.save(torch.ones(3), path),
        empty=lambda: torch.save({}, path),
        no_weights=lambda: torch.save(dict(honest, state_dict={}), path),
        weights_of_text=lambda: torch.save(dict(honest, state_dict='x'), path),
        meta_of_text=lambda: torch.save(dict(honest, meta='x'), path),
    )
    for share in (0.001, 0.1, 0.5, 0.9, 0.999):
        size = int(len(whole) * share)
        makers[f'cut_at_{share}'] = lambda size=size: path.write_bytes(whole[:size])
    return makers


def write_all(folder: Path, honest: dict, witness: Path) -> list[str]:
    """Write all of them.

    Args:
        folder (Path): Where.
        honest (dict): A checkpoint that can be resumed, of a model with ``a.weight``.
        witness (Path): The file that exists if code has run.

    Returns:
        list[str]: Names of the attacks; each is a file ``<name>.pth``.
    """
    names = []
    for name, value in values(witness).items():
        torch.save(dict(honest, evil=value), folder / f'{name}.pth')
        names.append(name)
    for name in files(folder / 'any', honest, witness):
        files(folder / f'{name}.pth', honest, witness)[name]()
        names.append(name)
    return names


def texts(witness: Path) -> dict[str, str]:
    """Configs that run code when MMEngine reads them as such."""
    return dict(
        statement=f'import os\nos.system("touch {witness}")\na = 1\n',
        imports='custom_imports = dict(imports=["antigravity"])\n',
        base=f'_base_ = ["{witness.with_name("evil.py")}"]\n',
    )
