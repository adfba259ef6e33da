# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The sources of mmcv, as a compiler needs them."""

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / 'tools' / 'setup'
pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='set-up is for Linux')


def clean_env(**changes):
    return {**os.environ, **changes}


@pytest.fixture
def compiler(fake_python, environment, machine, tmp_path):
    """A compiler of sources that want C++20, by this machine's."""
    if machine.missing_compiler():
        pytest.skip('no C++ compiler')
    python = fake_python(tmp_path / 'python', '')
    module = environment.mmcv_wheel.mmcv_source
    source = module.unpack(tmp_path / 'mmcv-2.1.0.tar.gz')
    env = clean_env(**machine.compiler_variables())
    return module.Compiler(python, source, env, tmp_path / 'header.log', 0)


def test_version_of_the_sources_is_read_on_python_3_13(environment, tmp_path):
    """mmcv's own way, which that Python refuses; each Python reads the mended one."""
    source = tmp_path / 'new' / 'mmcv-2.1.0'
    (source / 'mmcv').mkdir(parents=True)
    (source / 'mmcv' / 'version.py').write_text("__version__ = '2.1.0'\n")
    (source / 'setup.py').write_text(
        'def get_version():\n'
        "    version_file = 'mmcv/version.py'\n"
        "    with open(version_file, encoding='utf-8') as f:\n"
        "        exec(compile(f.read(), version_file, 'exec'))\n"
        "    return locals()['__version__']\n"
        'print(get_version())\n'
    )
    archive = tmp_path / 'mmcv-2.1.0.tar.gz'
    with tarfile.open(archive, 'w:gz') as file:
        file.add(source, source.name)
    unpacked = environment.mmcv_wheel.mmcv_source.unpack(archive)
    assert 'locals()' not in (unpacked / 'setup.py').read_text()
    run = [sys.executable, '-c', "exec(open('setup.py').read(), {})"]
    out = subprocess.run(run, cwd=unpacked, capture_output=True, text=True)
    assert out.stdout == '2.1.0\n', out.stderr


def test_sources_are_fetched_without_being_run(tmp_path):
    """From a folder, as pip finds a file."""
    pytest.importorskip('pip._internal')
    source = tmp_path / 'x-1.0'
    source.mkdir()
    (source / 'setup.py').write_text('raise SystemExit("was run")\n')
    index = tmp_path / 'index'
    index.mkdir()
    archive = index / 'x-1.0.tar.gz'
    with tarfile.open(archive, 'w:gz') as file:
        file.add(source, source.name)
    target = tmp_path / 'target'
    target.mkdir()
    env = clean_env(PIP_NO_INDEX='1', PIP_FIND_LINKS=str(index))
    command = [sys.executable, str(FOLDER / 'fetch_sources.py'), str(target)]
    done = subprocess.run([*command, 'x==1.0'], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (target / archive.name).read_bytes() == archive.read_bytes()
    done = subprocess.run([*command, 'x==2.0'], env=env, capture_output=True, text=True)
    assert done.returncode and 'No matching distribution found' in done.stderr


def test_standard_is_the_first_that_the_headers_accept(compiler):
    assert compiler.set_standard() == '-std=c++20'
    text = (compiler.source / 'setup.py').read_text()
    assert text == "extra_compile_args = ['-std=c++20']\n"
    helper = next(compiler.source.rglob('pytorch_cpp_helper.hpp'))
    helper.write_text('#pragma once\n')
    (compiler.source / 'setup.py').write_text("['-std=c++17']\n")
    assert compiler.set_standard() == '-std=c++17'
    assert (compiler.source / 'setup.py').read_text() == "['-std=c++17']\n"


def test_precompiled_header_is_read_by_files(compiler):
    out = subprocess.run([compiler.command[0], '--version'], capture_output=True)
    if b'Free Software Foundation' not in out.stdout:
        pytest.skip('only GCC finds a precompiled header by itself')
    options = compiler.precompile('-std=c++20')
    file = compiler.source / 'file.cpp'
    file.write_text('#include "pytorch_cpp_helper.hpp"\nint f() { return 1; }\n')
    command = [*compiler.command, *options, '-std=c++20', '-H', '-fsyntax-only']

    def headers(*more):
        out = subprocess.run([*command, *more, file], capture_output=True, text=True)
        assert out.returncode == 0
        return out.stderr

    assert '! ' in headers() and 'mmcv_prefix.hpp.gch' in headers()
    # The flags must agree: so one sees that the mark means something.
    assert '! ' not in headers('-O0')


def test_compiler_that_ignores_the_header_builds_plainly(compiler, tmp_path):
    for body in ('exit 1', 'exit 0'):
        cxx = tmp_path / 'c++'
        cxx.write_text(f'#!/bin/sh\n{body}\n')
        cxx.chmod(0o755)
        compiler.command[0] = str(cxx)
        assert compiler.precompile('-std=c++20') == []
        assert not (compiler.source.parent / 'header').exists()
