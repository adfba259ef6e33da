# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The set-up of the environment: what it says is missing, what survives a kill."""

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / 'tools' / 'setup'
MODULES = (
    'environment',
    'mmcv_wheel',
    'mmcv_source',
    'installed',
    'machine',
    'console',
    'pins',
)
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


def write_wheel(folder, version='2.1.0', name='mmcv'):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f'{name}-{version}-{TAG}-{PLATFORM}.whl'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('mmcv/__init__.py', '')
    return path


def write_sources(folder):
    """Write sources as small as they can be, whose header tells the C++ standard."""
    source = folder / 'mmcv-2.1.0'
    common = source / 'mmcv' / 'ops' / 'csrc' / 'common'
    common.mkdir(parents=True, exist_ok=True)
    header = '#if __cplusplus < 202002L\n#error "C++20 is required"\n#endif\n'
    (common / 'pytorch_cpp_helper.hpp').write_text(f'#pragma once\n{header}')
    (source / 'setup.py').write_text("extra_compile_args = ['-std=c++17']\n")
    return source


def fake_python(path, body):
    """Write a stand-in for the environment's Python.

    It says where torch's headers are, downloads mmcv's sources, and for `pip wheel`
    runs the body, where `$DIR` is --wheel-dir.
    """
    archive = path.parent / 'mmcv-2.1.0.tar.gz'
    source = write_sources(path.parent / 'sources')
    with tarfile.open(archive, 'w:gz') as file:
        file.add(source, source.name)
    path.write_text(
        '#!/bin/sh\nif [ "$1" = -c ]; then echo /torch/include; exit; fi\n'
        'if [ "$3" = download ]; then\n'
        'while [ "$1" != --dest ]; do shift; done\n'
        f'cp {archive} "$2"; exit; fi\n'
        f'while [ "$1" != --wheel-dir ]; do shift; done; DIR=$2\n{body}\n'
    )
    path.chmod(0o755)
    return path


def clean_env(**changes):
    return {**os.environ, **changes}


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name != '.lock']


# What is missing


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
    found = mmcv_wheel.ensure_wheel(python, '2.13.0', 'mmcv', '2.1.0', clean_env())
    assert found == wheel


def test_damaged_or_foreign_wheels_are_not_taken(mmcv_wheel):
    folder = mmcv_wheel.wheel_folder('2.13.0')
    wheel = write_wheel(folder)
    wheel.write_bytes(wheel.read_bytes()[:40])
    foreign = folder / f'mmcv-2.1.0-{TAG}-linux_other.whl'
    write_wheel(folder, '2.0.0')
    shutil.copy(folder / f'mmcv-2.0.0-{TAG}-{PLATFORM}.whl', foreign)
    assert mmcv_wheel.find_wheel(folder, 'mmcv', '2.1.0') is None


def test_built_wheel_moves_into_the_cache(mmcv_wheel, tmp_path):
    """For the CPU also beside a GPU, after what a killed build left was removed."""
    folder = mmcv_wheel.wheel_folder('2.13.0')
    (folder / '.build-killed').mkdir(parents=True)
    ready = write_wheel(tmp_path / 'ready')
    seen = tmp_path / 'seen'
    body = f'echo "$FORCE_CUDA,$MMCV_WITH_OPS,$CUDA_VISIBLE_DEVICES" > {seen}\n'
    python = fake_python(tmp_path / 'python', body + f'cp {ready} "$DIR"')
    wheel = mmcv_wheel.ensure_wheel(python, '2.13.0', 'mmcv', '2.1.0', clean_env())
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
        mmcv_wheel.ensure_wheel(python, '2.13.0', 'mmcv', '2.1.0', clean_env())
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
        mmcv_wheel.ensure_wheel(python, '2.13.0', 'mmcv', '2.1.0', clean_env())
    assert '\n' not in str(error.value)


def test_second_process_waits_and_takes_the_first_ones_wheel(mmcv_wheel, tmp_path):
    ready = write_wheel(tmp_path / 'ready')
    count = tmp_path / 'count'
    body = f'echo built >> {count}; sleep 1; cp {ready} "$DIR"'
    python = fake_python(tmp_path / 'python', body)
    code = (
        'import os, sys; from pathlib import Path; import mmcv_wheel\n'
        'mmcv_wheel.ensure_wheel('
        'Path(sys.argv[1]), "2.13.0", "mmcv", "2.1.0", dict(os.environ))'
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
        'Path(sys.argv[1]), "2.13.0", "mmcv", "2.1.0", dict(os.environ))'
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
        assert mmcv_wheel.find_wheel(folder, 'mmcv', '2.1.0') is None
        os.kill(builder, signal.SIGKILL)  # it holds the lock for as long as it lives
    ready = write_wheel(tmp_path / 'ready')
    python = fake_python(tmp_path / 'python', f'cp {ready} "$DIR"')
    mmcv_wheel.ensure_wheel(python, '2.13.0', 'mmcv', '2.1.0', clean_env())
    assert leftovers(folder) == [ready.name]


# mmcv's sources


@pytest.fixture
def compiler(environment, machine, tmp_path):
    """A compiler of sources that want C++20, by this machine's."""
    if machine.missing_compiler():
        pytest.skip('no C++ compiler')
    python = fake_python(tmp_path / 'python', '')
    module = environment.mmcv_wheel.mmcv_source
    source = module.unpack(tmp_path / 'mmcv-2.1.0.tar.gz')
    env = clean_env(**machine.compiler_variables())
    return module.Compiler(python, source, env, tmp_path / 'header.log', 0)


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


# The environment


def test_without_a_compiler_mmcv_is_lite(
    environment, machine, mmcv_wheel, monkeypatch, tmp_path, capsys
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


@pytest.mark.parametrize('minor', [11, 12, 13])
@pytest.mark.parametrize('stack', ['openmmlab', 'onedl'])
def test_pins_are_complete_and_in_one_file_each(environment, monkeypatch, minor, stack):
    pins = environment.pins
    monkeypatch.setattr(sys, 'version_info', (3, minor, 0))
    names = ['build.txt', 'torch.txt', 'packages.txt', f'{stack}.txt']
    groups = [pins.read_pins(name) for name in names]
    every = pins.all_pins(stack)
    assert sum(len(group) for group in groups) == len(every)
    expected = ('2.13.0', '0.28.0') if minor == 11 else ('2.14.1', '0.29.1')
    assert (every['torch'], every['torchvision']) == expected
    assert 'opencv-python' not in every and pins.STACKS[stack] in every


def test_without_ops_mmcv_is_its_lite_release(environment):
    with_ops, without = (environment.pins.stack_pins('openmmlab', o) for o in (1, 0))
    assert with_ops.pop('mmcv') == without.pop('mmcv-lite')
    assert with_ops == without


def test_line_that_is_no_pin_is_quoted(environment, monkeypatch, tmp_path):
    (tmp_path / 'x.txt').write_text('torch==2.13.0; sys_platform == "linux"\n')
    monkeypatch.setattr(environment.pins, 'PINNED', tmp_path)
    with pytest.raises(ValueError, match='sys_platform.* is not a pin'):
        environment.pins.read_pins('x.txt')
