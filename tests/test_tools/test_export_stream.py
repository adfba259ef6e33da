# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is read for an export is not written over."""

import argparse
from pathlib import Path

import pytest


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('model_converters/export_stream')


@pytest.mark.parametrize(
    ('out', 'message'),
    [
        ('mine.pth', r'mine\.py would be written over'),
        ('run/epoch_1.pth', r'epoch_1\.pth would be written over'),
        ('run/../run/epoch_1.pth', r'epoch_1\.pth would be written over'),
        ('student.py', r'must end with \.pth'),
        ('student', r'must end with \.pth'),
        ('student.pth', None),
    ],
)
def test_files_that_are_read_stay(tool, tmp_path, monkeypatch, out, message):
    monkeypatch.chdir(tmp_path)
    Path('run').mkdir()
    args = argparse.Namespace(
        config='mine.py', checkpoint='run/epoch_1.pth', out=Path(out)
    )
    if message is None:
        tool.check_out(args)
    else:
        with pytest.raises(SystemExit, match=message):
            tool.check_out(args)
