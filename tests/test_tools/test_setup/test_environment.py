# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The environment: when it is made anew, and what is found in it."""

import json
import shutil
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='set-up is for Linux')


def test_without_a_compiler_mmcv_is_lite(
    write_wheel, environment, machine, mmcv_wheel, monkeypatch, tmp_path, capsys
):
    error = environment.SetupError('a C++ compiler is missing')
    monkeypatch.setattr(machine, 'missing_compiler', lambda: error)
    made = environment.Environment(tmp_path / 'venv')
    made.check_machine()
    assert made.ops is False
    out = capsys.readouterr().out
    assert out.count('\n') == 1
    assert 'mmcv-lite' in out and 'a C++ compiler is missing' in out
    # A wheel in the cache needs no compiler, and OneDL has no lite release.
    with pytest.raises(environment.SetupError, match='compiler is missing'):
        environment.Environment(tmp_path / 'venv', 'onedl').check_machine()
    torch = environment.pins.read_pins('torch.txt')['torch']
    write_wheel(mmcv_wheel.wheel_folder(torch))
    made.check_machine()
    assert made.ops is True


def test_environment_without_ops_is_renewed_once_there_is_a_compiler(
    environment, machine, monkeypatch, tmp_path
):
    made = environment.Environment(tmp_path / 'venv')
    made.python.parent.mkdir(parents=True)
    made.python.touch()
    error = environment.SetupError('missing')
    for ops, missing, ready in (
        (False, error, True),
        (False, None, False),
        (True, None, True),
        (True, error, True),
    ):
        monkeypatch.setattr(machine, 'missing_compiler', lambda found=missing: found)
        made.stamp.write_text(json.dumps(dict(made.wanted(), ops=ops)))
        assert made.ready() is ready


def test_environment_keeps_its_stack(environment, tmp_path):
    made = environment.Environment(tmp_path / 'venv', 'onedl')
    made.folder.mkdir()
    made.stamp.write_text(json.dumps(dict(stack=made.stack)))
    assert environment.Environment(tmp_path / 'venv').stack == 'onedl'
    assert environment.Environment(tmp_path / 'other').stack == 'openmmlab'
    assert not made.ready()


@pytest.mark.parametrize(
    ('there', 'stack', 'ops', 'rival'),
    [
        ('mmengine-0.10.7', 'openmmlab', True, None),
        ('mmengine-0.10.7', 'onedl', True, 'mmengine'),
        ('onedl_mmpretrain-1.3.6', 'openmmlab', True, 'onedl-mmpretrain'),
        ('mmcv_lite-2.1.0', 'openmmlab', True, 'mmcv-lite'),
        ('mmcv-2.1.0', 'openmmlab', False, 'mmcv'),
        ('mmcv_lite-2.1.0', 'openmmlab', False, None),
    ],
)
def test_packages_that_share_a_folder_are_found(
    environment, tmp_path, there, stack, ops, rival
):
    (tmp_path / f'{there}.dist-info').mkdir()
    wanted = environment.pins.stack_pins(stack, bool(ops))
    assert environment.installed.rival(tmp_path, wanted) == rival


def test_packages_that_pip_did_not_finish_are_found(environment, tmp_path):
    for name, record in (
        ('done', 'done-1.dist-info/INSTALLER,,\ndone/__init__.py,,\n'),
        ('copied', 'copied/__init__.py,,\n'),
        ('begun', None),
    ):
        info = tmp_path / f'{name}-1.dist-info'
        info.mkdir()
        if record is not None:
            (info / 'RECORD').write_text(record)
    unfinished = environment.installed.unfinished(tmp_path)
    found = sorted(path.name for path in unfinished)
    assert found == ['begun-1.dist-info', 'copied-1.dist-info']


def test_stamp_holds_until_a_requirement_changes(environment, tmp_path, monkeypatch):
    pinned = tmp_path / 'pinned'
    shutil.copytree(environment.PINNED, pinned)
    monkeypatch.setattr(environment, 'PINNED', pinned)
    monkeypatch.setattr(environment.pins, 'PINNED', pinned)
    made = environment.Environment(tmp_path / 'venv')
    made.python.parent.mkdir(parents=True)
    made.python.touch()
    for name in ('check_machine', 'create', 'install_torch', 'install_mmcv'):
        monkeypatch.setattr(made, name, lambda: None)
    monkeypatch.setattr(made, 'install_dynkd', lambda: None)

    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(made, 'install_packages', interrupt)
    with pytest.raises(KeyboardInterrupt):
        made.make()
    assert not made.ready()
    monkeypatch.setattr(made, 'install_packages', lambda: None)
    made.make()
    assert made.ready()
    with (pinned / 'packages.txt').open('a') as file:
        file.write('one-more==1.0\n')
    assert not made.ready()
