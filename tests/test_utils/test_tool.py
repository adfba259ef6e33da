# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How tools end."""

import _multiprocessing
import errno
import multiprocessing.synchronize
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import dynkd
from dynkd.compat import UnsafeCheckpointError
from dynkd.utils import NonFiniteError
from dynkd.utils.tool import in_one_line, resume_command

ROOT = Path(dynkd.__file__).parents[1]
SCRIPT = """
import os, signal, sys, time
from dynkd.compat import CheckpointError
from dynkd.utils import NonFiniteError
from dynkd.utils.tool import run_tool


class Unfinished:
    def __del__(self):
        raise AttributeError('_shutdown')


class Dropping:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.1)


# A shell in the background has its programs ignore it, and so do theirs.
signal.signal(signal.SIGINT, signal.default_int_handler)


def main():
    if sys.argv[1:] == ['forks']:
        read, write = os.pipe()
        if os.fork() == 0:
            # Its words would stand between those of the tool.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            os.write(write, b'x')
            time.sleep(60)
        os.read(read, 1)
    print('begun', flush=True)
    if sys.argv[1:] == ['drops']:
        Dropping()
    if sys.argv[1:] == ['fails']:
        unfinished = Unfinished()
        raise CheckpointError('x.pth is none.')
    if sys.argv[1:] == ['breaks']:
        raise KeyError('unexpected')
    time.sleep(60)


run_tool(main, lambda: 'go on with: it')
"""


@pytest.fixture
def start(tmp_path):
    """Start a tool, and return it when it has begun."""
    script = tmp_path / 'tool.py'
    script.write_text(SCRIPT)

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, str(script), *words],
            env=dict(os.environ, PYTHONPATH=str(ROOT)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout.readline() == 'begun\n'
        return process

    return start


@pytest.mark.parametrize('words', [(), ('forks',)])
@pytest.mark.parametrize(
    ('number', 'name'), [(signal.SIGTERM, 'SIGTERM'), (signal.SIGINT, 'Ctrl-C')]
)
def test_stopped_by_a_signal(start, number, name, words):
    process = start(*words)
    # As a terminal does, which tells all processes of the command.
    os.killpg(process.pid, number)
    _, error = process.communicate(timeout=30)
    assert process.returncode == -number
    assert error == f'tool.py: stopped by {name}; go on with: it\n'


def test_a_signal_that_python_drops_is_not_lost(start):
    # It arrives in `__del__`, whose exceptions are ignored.
    process = start('drops')
    error = process.communicate(timeout=30)[1]
    assert process.returncode == -signal.SIGTERM
    assert error.endswith('tool.py: stopped by SIGTERM; go on with: it\n')


def test_what_users_can_mend_is_told_in_one_line(start):
    process = start('fails')
    assert process.communicate(timeout=30)[1] == 'tool.py: x.pth is none.\n'
    assert process.returncode == 1


def test_other_errors_are_shown_as_they_are(start):
    process = start('breaks')
    error = process.communicate(timeout=30)[1]
    assert 'Traceback' in error and "KeyError: 'unexpected'" in error
    assert process.returncode == 1


def test_errors_in_one_line():
    full = OSError(errno.ENOSPC, 'No space left on device', 'epoch_1.pth')
    assert in_one_line(full) == 'epoch_1.pth: No space left on device'
    there = FileExistsError(errno.EEXIST, 'File exists', 'work_dirs')
    assert in_one_line(there) == 'work_dirs: File exists'
    assert in_one_line(FileNotFoundError('x.pth can not be found.'))
    assert in_one_line(UnsafeCheckpointError('it')) == 'it'
    assert in_one_line(NonFiniteError('iteration 3')) == 'iteration 3'
    gone = RuntimeError('[gloo/transport/tcp] Connection closed by peer\nmore')
    assert in_one_line(gone).startswith('another process of this run has ended')
    for other in (
        RuntimeError('shape'),
        FileNotFoundError(2, 'no', '1.png'),
        KeyError(),
    ):
        assert in_one_line(other) is None


def caught(action):
    with pytest.raises((OSError, RuntimeError)) as error:
        action()
    return error.value


@pytest.mark.skipif(not Path('/dev/full').exists(), reason='a device of Linux')
def test_an_open_file_that_cannot_be_written_is_named():
    def write():
        with open('/dev/full', 'w') as file:
            file.write('x')

    told = in_one_line(caught(write))
    assert told == '/dev/full: No space left on device'
    unknown = OSError(errno.ENOSPC, 'No space left on device')
    assert in_one_line(unknown) == 'No space left on device'


def test_full_shared_memory_is_named(monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(_multiprocessing, 'SemLock', full)
    no_room = caught(multiprocessing.get_context('spawn').Lock)
    dropped = RuntimeError('DataLoader worker (pid 3) exited unexpectedly')
    dropped.__cause__ = RuntimeError(
        'unable to allocate shared memory(shm) for file </torch_3>: No space left on '
        'device (28)'
    )
    for error in (no_room, dropped, dropped.__cause__):
        assert in_one_line(error).startswith('shared memory (/dev/shm) is full: ')
    assert in_one_line(RuntimeError('DataLoader worker exited unexpectedly')) is None


@pytest.mark.parametrize(
    ('words', 'told'),
    [
        (['train.py', 'c.py'], 'resume with: python train.py c.py --resume'),
        (
            ['train.py', 'c.py', '--resume', 'a b.pth', '--amp'],
            'resume with: python train.py c.py --amp --resume',
        ),
        (
            ['train.py', 'c.py', '--work-dir', 'a b', '--resume'],
            "resume with: python train.py c.py --work-dir 'a b' --resume",
        ),
        (
            ['train.py', 'c.py', '--launcher', 'pytorch'],
            'resume with the same command and --resume',
        ),
    ],
)
def test_the_command_that_resumes(words, told):
    assert resume_command(words) == told


@pytest.mark.parametrize('script', ['dist_train', 'dist_test', 'slurm_train'])
def test_shells_are_replaced_so_that_signals_arrive(tmp_path, script):
    # A launcher that is asked to stop stands in for torch's, and for Slurm's.
    for name in ('python', 'srun'):
        program = tmp_path / name
        program.write_text(f'#!{sys.executable}\nimport os\nprint(os.getppid())\n')
        program.chmod(0o755)
    command = [str(ROOT / 'tools' / f'{script}.sh'), 'a', 'b', '2', 'd']
    env = dict(os.environ, PATH=f'{tmp_path}{os.pathsep}{os.environ["PATH"]}')
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.stdout.strip() == str(os.getpid()), done.stderr
