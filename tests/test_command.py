# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The command ``dynkd``."""

import re
import sys

import pytest

from dynkd import __version__, doctor
from dynkd.__main__ import TOOLS, main, tools_folder


@pytest.mark.parametrize('words', [[], ['--help'], ['-h']])
def test_its_help_names_every_command(words, capsys):
    main(words)
    said = capsys.readouterr().out
    assert all(f'  {name}' in said for name in [*TOOLS, 'doctor'])


def test_its_version(capsys):
    main(['--version'])
    assert capsys.readouterr().out == f'dynkd {__version__}\n'


def test_an_unknown_command_is_named(capsys):
    with pytest.raises(SystemExit) as ended:
        main(['distil'])
    assert ended.value.code == 2
    assert 'there is no command `distil`' in capsys.readouterr().err


@pytest.mark.parametrize('name', TOOLS)
def test_each_tool_answers_to_its_name(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, 'path', list(sys.path))
    monkeypatch.setattr(sys, 'argv', list(sys.argv))
    assert (tools_folder() / TOOLS[name][0]).is_file()
    with pytest.raises(SystemExit) as ended:
        main([name, '--help'])
    assert ended.value.code == 0
    assert 'usage' in capsys.readouterr().out


def test_the_doctor_tells_what_is_there(capsys):
    with pytest.raises(SystemExit) as ended:
        main(['doctor'])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    for name in (*doctor.NEEDED, *doctor.LIBRARIES, 'devices:'):
        assert name in said


def test_the_doctor_says_what_installs_what_is_missing(capsys, monkeypatch):
    monkeypatch.setattr(doctor, 'NEEDED', {'no_such_package': 'pip install it'})
    assert doctor.examine() == 1
    said = capsys.readouterr().out
    assert 'no_such_package not installed: pip install it' in said


def test_torchvision_is_asked_for_where_mmpretrain_is(capsys, monkeypatch):
    pytest.importorskip('mmpretrain')
    doctor.examine()
    version = re.compile(r'^  torchvision \d', re.M)
    assert version.search(capsys.readouterr().out)
    monkeypatch.setattr(doctor, 'find_spec', lambda name: None)
    doctor.examine()
    assert not version.search(capsys.readouterr().out)


@pytest.mark.parametrize('word', ['doctor', '--version'])
def test_what_has_no_options_takes_none(word, capsys):
    with pytest.raises(SystemExit) as ended:
        main([word, '--loud'])
    assert ended.value.code == 2
    assert f'`{word}` has no options' in capsys.readouterr().err
