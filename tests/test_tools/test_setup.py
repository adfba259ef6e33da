# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The set-up of the environment: what it says is missing, what survives a kill."""

import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'tools' / 'setup'
MODULES = ('environment', 'mmcv_wheel', 'machine', 'console')
TAG = 'cp{0}{1}-cp{0}{1}'.format(*sys.version_info[:2])
PLATFORM = f'linux_{os.uname().machine}'

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='set-up is for Linux')


@pytest.fixture(scope='module')
def environment():
    sys.path.insert(0, str(FOLDER))
    try:
        yield importlib.import_module('environment')
    finally:
        sys.path.remove(str(FOLDER))
        for name in MODULES:
            sys.modules.pop(name, None)


@pytest.fixture
def machine(environment):
    return environment.machine


@pytest.fixture
def mmcv_wheel(environment, tmp_path, monkeypatch):
    """The module, with a cache of the test's own."""
    monkeypatch.setenv('DYNKD_CACHE', str(tmp_path / 'cache'))
    return environment.mmcv_wheel


def write_wheel(folder, version='2.1.0'):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'mmcv-{version}-{TAG}-{PLATFORM}.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('mmcv/__init__.py', '')
    return path


def fake_python(path, body):
    """Write a stand-in for the environment's Python; `$DIR` is pip's --wheel-dir."""
    script = 'while [ "$1" != --wheel-dir ]; do shift; done; DIR=$2\n'
    path.write_text(f'#!/bin/sh\n{script}{body}\n')
    path.chmod(0o755)
    return path


def clean_env(**changes):
    return {**os.environ, **changes}


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name != '.lock']


# What is missing


def test_wrong_python_is_named(environment, machine, monkeypatch):
    monkeypatch.setattr(sys, 'version_info', (3, 12, 1))
    with pytest.raises(environment.SetupError, match=r'Python 3\.11 is needed.*3\.12'):
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
        assert result.stderr.startswith('dynkd: Python 3.11 is missing')
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
    with pytest.raises(environment.SetupError, match='no virtual environment'):
        environment.Environment(folder).check_machine()
    assert [path.name for path in folder.iterdir()] == ['thesis.txt']


# The wheel cache


def test_cache_is_keyed_by_python_and_torch(mmcv_wheel, monkeypatch, tmp_path):
    key = 'py{}{}-torch2.13.0'.format(*sys.version_info[:2])
    assert mmcv_wheel.wheel_folder('2.13.0') == tmp_path / 'cache' / 'wheels' / key
    monkeypatch.delenv('DYNKD_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', '/x')
    assert mmcv_wheel.wheel_folder('2.13.0') == Path('/x/dynkd/wheels', key)
    monkeypatch.delenv('XDG_CACHE_HOME')
    monkeypatch.setenv('HOME', '/home/me')
    expected = Path('/home/me/.cache/dynkd/wheels', key)
    assert mmcv_wheel.wheel_folder('2.13.0') == expected


def test_cached_wheel_is_taken_without_building(mmcv_wheel, tmp_path):
    wheel = write_wheel(mmcv_wheel.wheel_folder('2.13.0'))
    python = fake_python(tmp_path / 'python', 'exit 9')
    found = mmcv_wheel.ensure_wheel(python, '2.13.0', '2.1.0', clean_env())
    assert found == wheel


def test_damaged_or_foreign_wheels_are_not_taken(mmcv_wheel):
    folder = mmcv_wheel.wheel_folder('2.13.0')
    wheel = write_wheel(folder)
    wheel.write_bytes(wheel.read_bytes()[:40])
    foreign = folder / f'mmcv-2.1.0-{TAG}-linux_other.whl'
    write_wheel(folder, '2.0.0')
    shutil.copy(folder / f'mmcv-2.0.0-{TAG}-{PLATFORM}.whl', foreign)
    assert mmcv_wheel.find_wheel(folder, '2.1.0') is None


def test_built_wheel_moves_into_the_cache(mmcv_wheel, tmp_path):
    """For the CPU also beside a GPU, after what a killed build left was removed."""
    folder = mmcv_wheel.wheel_folder('2.13.0')
    (folder / '.build-killed').mkdir(parents=True)
    ready = write_wheel(tmp_path / 'ready')
    seen = tmp_path / 'seen'
    body = f'echo "$FORCE_CUDA,$MMCV_WITH_OPS,$CUDA_VISIBLE_DEVICES" > {seen}\n'
    python = fake_python(tmp_path / 'python', body + f'cp {ready} "$DIR"')
    wheel = mmcv_wheel.ensure_wheel(python, '2.13.0', '2.1.0', clean_env())
    assert wheel == folder / ready.name and wheel.read_bytes() == ready.read_bytes()
    assert leftovers(folder) == [ready.name]
    assert seen.read_text() == '0,1,\n'


def test_build_tells_how_far_it_is(mmcv_wheel, tmp_path):
    assert mmcv_wheel.compiled(tmp_path) == ''
    plan = 'build /t/a.o: compile a.cpp\nbuild /t/b.o: compile b.cpp\n'
    (tmp_path / 'build.ninja').write_text(plan)
    (tmp_path / 'a.o').touch()
    assert mmcv_wheel.compiled(tmp_path) == '1 of 2 files'


def test_failed_build_shows_the_end_of_its_log(environment, mmcv_wheel, tmp_path):
    body = 'touch "$DIR/mmcv-half.whl"; seq 100; echo "error: no vector"; exit 1'
    python = fake_python(tmp_path / 'python', body)
    with pytest.raises(environment.SetupError) as error:
        mmcv_wheel.ensure_wheel(python, '2.13.0', '2.1.0', clean_env())
    log = tmp_path / 'cache' / 'logs' / 'mmcv-2.1.0-{}.log'
    log = str(log).format(mmcv_wheel.wheel_folder('2.13.0').name)
    text = str(error.value)
    assert log in text and text.endswith('error: no vector') and '| 50\n' not in text
    assert len(Path(log).read_text().splitlines()) == 101
    assert leftovers(mmcv_wheel.wheel_folder('2.13.0')) == []


def test_full_disk_during_the_build_is_one_line(environment, mmcv_wheel, tmp_path):
    body = 'echo "fatal: a.o: No space left on device"; seq 30; exit 1'
    python = fake_python(tmp_path / 'python', body)
    with pytest.raises(environment.SetupError, match='no disk space is left') as error:
        mmcv_wheel.ensure_wheel(python, '2.13.0', '2.1.0', clean_env())
    assert '\n' not in str(error.value)


def test_second_process_waits_and_takes_the_first_ones_wheel(mmcv_wheel, tmp_path):
    ready = write_wheel(tmp_path / 'ready')
    count = tmp_path / 'count'
    body = f'echo built >> {count}; sleep 1; cp {ready} "$DIR"'
    python = fake_python(tmp_path / 'python', body)
    code = (
        'import os, sys; from pathlib import Path; import mmcv_wheel\n'
        'mmcv_wheel.ensure_wheel('
        'Path(sys.argv[1]), "2.13.0", "2.1.0", dict(os.environ))'
    )
    command = [sys.executable, '-c', code, str(python)]
    env = clean_env(PYTHONPATH=str(FOLDER))
    processes = [subprocess.Popen(command, env=env) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert count.read_text() == 'built\n'


@pytest.mark.parametrize('sign', [signal.SIGTERM, signal.SIGKILL])
def test_killed_build_leaves_no_wheel_and_does_not_block(mmcv_wheel, tmp_path, sign):
    folder = mmcv_wheel.wheel_folder('2.13.0')
    started = tmp_path / 'started'
    body = f'touch "$DIR/mmcv-half.whl"; echo $$ > {started}.tmp\n'
    body += f'mv {started}.tmp {started}; exec sleep 300'
    python = fake_python(tmp_path / 'python', body)
    code = (
        'import os, signal, sys; from pathlib import Path\n'
        'import environment, mmcv_wheel\n'
        'signal.signal(signal.SIGTERM, environment._end)\n'
        'mmcv_wheel.ensure_wheel('
        'Path(sys.argv[1]), "2.13.0", "2.1.0", dict(os.environ))'
    )
    env = clean_env(PYTHONPATH=str(FOLDER))
    process = subprocess.Popen([sys.executable, '-c', code, str(python)], env=env)
    while not started.exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(sign)
    process.wait(60)
    builder = int(started.read_text())
    if sign == signal.SIGTERM:
        assert process.returncode == 128 + sign
        assert leftovers(folder) == []
        with pytest.raises(ProcessLookupError):
            os.kill(builder, 0)
    else:
        assert mmcv_wheel.find_wheel(folder, '2.1.0') is None
        os.kill(builder, signal.SIGKILL)  # it holds the lock for as long as it lives
    ready = write_wheel(tmp_path / 'ready')
    python = fake_python(tmp_path / 'python', f'cp {ready} "$DIR"')
    mmcv_wheel.ensure_wheel(python, '2.13.0', '2.1.0', clean_env())
    assert leftovers(folder) == [ready.name]


# The environment


def test_packages_that_pip_did_not_finish_are_found(environment, tmp_path):
    made = environment.Environment(tmp_path / 'venv')
    for name, record in (
        ('done', 'done-1.dist-info/INSTALLER,,\ndone/__init__.py,,\n'),
        ('copied', 'copied/__init__.py,,\n'),
        ('begun', None),
    ):
        info = made.site_packages() / f'{name}-1.dist-info'
        info.mkdir(parents=True)
        if record is not None:
            (info / 'RECORD').write_text(record)
    found = sorted(path.name for path in made.broken_packages())
    assert found == ['begun-1.dist-info', 'copied-1.dist-info']


def test_stamp_holds_until_a_requirement_changes(environment, tmp_path, monkeypatch):
    pinned = tmp_path / 'pinned'
    shutil.copytree(environment.PINNED, pinned)
    monkeypatch.setattr(environment, 'PINNED', pinned)
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


def test_pins_are_complete_and_in_one_file_each(environment):
    pins = [environment.read_pins(path.name) for path in environment.PINNED.iterdir()]
    assert sum(len(group) for group in pins) == len(set().union(*pins))
    assert environment.read_pins('torch.txt')['torch'] == '2.13.0'
    assert 'opencv-python' not in environment.read_pins('packages.txt')
