# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the set-up says is missing on a machine."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / 'tools' / 'setup'
pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='set-up is for Linux')


def test_wrong_python_is_named(environment, machine, monkeypatch):
    monkeypatch.setattr(sys, 'version_info', (3, 10, 1))
    with pytest.raises(environment.SetupError, match=r'3\.13 is needed.*is 3\.10'):
        machine.check_python()


def test_missing_python_ends_with_one_line(tmp_path):
    for name in ('sh', 'dirname'):
        (tmp_path / name).symlink_to(shutil.which(name))
    for arguments in (['venv'], ['venv', '/no/such/python']):
        result = subprocess.run(
            ['sh', str(FOLDER / 'environment.sh'), *arguments],
            env={'PATH': str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 1
        assert result.stderr.startswith('dynkd: Python 3.11, 3.12 or 3.13 is')
        assert result.stderr.count('\n') == 1


def test_missing_compiler_is_named(environment, machine, monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.delenv('CXX', raising=False)
    with pytest.raises(environment.SetupError, match=r'C\+\+ compiler is missing'):
        machine.compiler_variables()


def test_compiler_that_fails_is_quoted(environment, machine, monkeypatch, tmp_path):
    compiler = tmp_path / 'c++'
    compiler.write_text('#!/bin/sh\necho "no standard library" >&2\nexit 1\n')
    compiler.chmod(0o755)
    monkeypatch.setenv('CXX', str(compiler))
    monkeypatch.setattr(machine.Path, 'exists', lambda path: True)
    with pytest.raises(environment.SetupError, match='no standard library'):
        machine.compiler_variables()


def test_missing_disk_space_is_counted(environment, machine, tmp_path):
    with pytest.raises(
        environment.SetupError, match=r'1000000\.0 GiB are needed.*free'
    ):
        machine.check_disk(tmp_path / 'not' / 'yet', 1e6, 'the environment')
    machine.check_disk(tmp_path / 'not' / 'yet', 0.0, 'the environment')


def test_place_that_cannot_be_written_to_is_named(environment, machine, tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(environment.SetupError, match='file/cache cannot be written to'):
        machine.check_disk(tmp_path / 'file' / 'cache', 0.0, 'the cache')


def test_folder_that_is_no_environment_is_left_alone(environment, tmp_path, mmcv_wheel):
    folder = tmp_path / 'precious'
    folder.mkdir()
    (folder / 'thesis.txt').write_text('mine')
    with pytest.raises(environment.SetupError, match='is not a virtual environment'):
        environment.Environment(folder).check_machine()
    assert [path.name for path in folder.iterdir()] == ['thesis.txt']
