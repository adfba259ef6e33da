# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The set-up of the environment, with stand-ins for wheels and for Python."""

import os
import sys
import tarfile
import zipfile

import pytest

TAG = 'cp{0}{1}-cp{0}{1}'.format(*sys.version_info[:2])
PLATFORM = f'linux_{os.uname().machine}'


@pytest.fixture(scope='module')
def environment(import_tool):
    return import_tool('setup/environment')


@pytest.fixture
def machine(environment):
    return environment.machine


@pytest.fixture
def mmcv_wheel(environment, tmp_path, monkeypatch):
    """The module, with a cache of the test's own."""
    monkeypatch.setenv('DYNKD_CACHE', str(tmp_path / 'cache'))
    return environment.mmcv_wheel


@pytest.fixture(scope='session')
def write_wheel():
    """Write a wheel as small as it can be."""

    def write(folder, version='2.1.0', name='mmcv'):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f'{name}-{version}-{TAG}-{PLATFORM}.whl'
        with zipfile.ZipFile(path, 'w') as archive:
            archive.writestr('mmcv/__init__.py', '')
        return path

    return write


def write_sources(folder):
    """Write sources as small as they can be, whose header tells the C++ standard."""
    source = folder / 'mmcv-2.1.0'
    common = source / 'mmcv' / 'ops' / 'csrc' / 'common'
    common.mkdir(parents=True, exist_ok=True)
    header = '#if __cplusplus < 202002L\n#error "C++20 is required"\n#endif\n'
    (common / 'pytorch_cpp_helper.hpp').write_text(f'#pragma once\n{header}')
    (source / 'setup.py').write_text("extra_compile_args = ['-std=c++17']\n")
    return source


@pytest.fixture(scope='session')
def fake_python():
    """Write a stand-in for the environment's Python.

    It says where torch's headers are, downloads mmcv's sources, and for `pip wheel`
    runs the body, where `$DIR` is --wheel-dir.
    """

    def write(path, body):
        archive = path.parent / 'mmcv-2.1.0.tar.gz'
        source = write_sources(path.parent / 'sources')
        with tarfile.open(archive, 'w:gz') as file:
            file.add(source, source.name)
        path.write_text(
            '#!/bin/sh\nif [ "$1" = -c ]; then echo /torch/include; exit; fi\n'
            f'case "$1" in *fetch_sources.py) cp {archive} "$2"; exit;; esac\n'
            f'while [ "$1" != --wheel-dir ]; do shift; done; DIR=$2\n{body}\n'
        )
        path.chmod(0o755)
        return path

    return write
