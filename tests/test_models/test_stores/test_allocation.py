# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import errno
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from dynkd.models.stores import PredictionStore, allocation

GIB = 2**30


def test_a_disk_without_space(stores, tmp_path, monkeypatch):
    usage = SimpleNamespace(total=GIB, used=GIB, free=100)
    monkeypatch.setattr(shutil, 'disk_usage', lambda folder: usage)
    path = tmp_path / 'rows'
    with pytest.raises(OSError, match=r'needs .* in .*rows.*uint8.*topk.*`path`'):
        stores.store(path=str(path))
    assert not list(path.glob('*.bin'))


def test_gib_of_all_slots_are_named(tmp_path):
    store = PredictionStore(path=str(tmp_path))
    store.declare({'student.head': 1000})
    with pytest.raises(OSError, match=r'needs 11178.\d\d GiB') as caught:
        store.open(10**9, 'a data set')
    free = shutil.disk_usage(tmp_path).free / GIB
    assert f'{free:.0f}'[:-1] in str(caught.value)
    assert caught.value.errno is None or caught.value.errno == errno.ENOSPC


def test_a_disk_that_fills_up_meanwhile(stores, tmp_path, monkeypatch):
    made = []

    def reserve(file, offset, size):
        made.append(size)
        if len(made) == 2:
            raise OSError(errno.ENOSPC, 'No space left on device')
        os.ftruncate(file, size)

    monkeypatch.setattr(os, 'posix_fallocate', reserve)
    with pytest.raises(OSError, match='needs .* are free') as caught:
        stores.store(path=str(tmp_path))
    assert caught.value.errno == errno.ENOSPC
    assert not list(tmp_path.glob('*.bin'))


def test_a_file_system_that_cannot_reserve(stores, tmp_path, monkeypatch):
    def reserve(file, offset, size):
        raise OSError(errno.EOPNOTSUPP, 'Operation not supported')

    monkeypatch.setattr(os, 'posix_fallocate', reserve)
    store = stores.store(path=str(tmp_path))
    stores.epoch(store, 1)
    other = stores.store()
    stores.epoch(other, 1)
    assert stores.everything(store).equal(stores.everything(other))


def test_other_errors_of_the_disk_are_as_they_are(stores, tmp_path, monkeypatch):
    def reserve(file, offset, size):
        raise OSError(errno.EIO, 'Input/output error')

    monkeypatch.setattr(os, 'posix_fallocate', reserve)
    with pytest.raises(OSError, match='Input/output error'):
        stores.store(path=str(tmp_path))


def test_the_space_is_reserved(stores, tmp_path):
    stores.store(num_samples=1000, path=str(tmp_path))
    for file in tmp_path.glob('*.bin'):
        status = file.stat()
        assert status.st_blocks * 512 >= status.st_size > 0


def test_too_little_memory(stores, monkeypatch):
    monkeypatch.setattr(allocation, '_free_memory', lambda: 100)
    with pytest.raises(MemoryError, match='in memory, where 100 bytes are free'):
        stores.store()


def test_two_runs_in_one_folder(stores, tmp_path):
    store = stores.store(path=str(tmp_path))
    code = (
        'from dynkd.models.stores import PredictionStore\n'
        f'store = PredictionStore(path={str(tmp_path)!r})\n'
        "store.declare({'student.head': 5})\n"
        "store.open(12, 'a data set')\n"
    )
    command = [sys.executable, '-c', code]
    done = subprocess.run(command, capture_output=True, text=True)
    assert 'another run keeps its store' in done.stderr
    store.close()
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
