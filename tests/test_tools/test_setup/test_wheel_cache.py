# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The cache of mmcv's wheel, and what of a build survives a kill."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[3] / 'tools' / 'setup'
TAG = 'cp{0}{1}-cp{0}{1}'.format(*sys.version_info[:2])
PLATFORM = f'linux_{os.uname().machine}'
pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='set-up is for Linux')


def clean_env(**changes):
    return {**os.environ, **changes}


def leftovers(folder):
    return [path.name for path in folder.iterdir() if path.name != '.lock']


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


def test_cached_wheel_is_taken_without_building(
    write_wheel, fake_python, mmcv_wheel, tmp_path
):
    wheel = write_wheel(mmcv_wheel.wheel_folder('2.13.0'))
    python = fake_python(tmp_path / 'python', 'exit 9')
    found = mmcv_wheel.ensure_wheel(python, '2.13.0', 'mmcv', '2.1.0', clean_env())
    assert found == wheel


def test_damaged_or_foreign_wheels_are_not_taken(write_wheel, mmcv_wheel):
    folder = mmcv_wheel.wheel_folder('2.13.0')
    wheel = write_wheel(folder)
    wheel.write_bytes(wheel.read_bytes()[:40])
    foreign = folder / f'mmcv-2.1.0-{TAG}-linux_other.whl'
    write_wheel(folder, '2.0.0')
    shutil.copy(folder / f'mmcv-2.0.0-{TAG}-{PLATFORM}.whl', foreign)
    assert mmcv_wheel.find_wheel(folder, 'mmcv', '2.1.0') is None


def test_built_wheel_moves_into_the_cache(
    write_wheel, fake_python, mmcv_wheel, tmp_path
):
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


def test_failed_build_shows_the_end_of_its_log(
    fake_python, environment, mmcv_wheel, tmp_path
):
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


def test_full_disk_during_the_build_is_one_line(
    fake_python, environment, mmcv_wheel, tmp_path
):
    body = 'echo "fatal: a.o: No space left on device"; seq 30; exit 1'
    python = fake_python(tmp_path / 'python', body)
    with pytest.raises(environment.SetupError, match='no disk space is left') as error:
        mmcv_wheel.ensure_wheel(python, '2.13.0', 'mmcv', '2.1.0', clean_env())
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('said', 'status'),
    [
        ('No matching distribution found for x==1 (from versions: none)', 75),
        ('WARNING: Retrying after connection broken by NewConnectionError()', 75),
        ('a.o: No space left on device', 75),
        ('No matching distribution found for x==9 (from versions: 1, 2)', 1),
        ('error: no vector', 1),
    ],
)
def test_what_another_time_may_bring_has_a_status_of_its_own(
    fake_python, environment, mmcv_wheel, tmp_path, monkeypatch, capsys, said, status
):
    python = fake_python(tmp_path / 'python', f'echo "{said}"; exit 1')

    def ensure(made):
        mmcv_wheel.ensure_wheel(python, '2.13.0', 'mmcv', '2.1.0', clean_env())

    monkeypatch.setattr(environment, 'ensure', ensure)
    monkeypatch.setattr(environment.signal, 'signal', lambda *arguments: None)
    monkeypatch.setattr(sys, 'argv', ['environment.py', '--venv', str(tmp_path / 'v')])
    assert environment.main() == status
    assert capsys.readouterr().err.startswith('dynkd: building mmcv failed')


def test_second_process_waits_and_takes_the_first_ones_wheel(
    write_wheel, fake_python, mmcv_wheel, tmp_path
):
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
def test_killed_build_leaves_no_wheel_and_does_not_block(
    write_wheel, fake_python, mmcv_wheel, tmp_path, sign
):
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
