# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The survivor of two processes says in one line that the other has ended."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@pytest.mark.parametrize('dying', [1, pytest.param(0, marks=pytest.mark.slow)])
def test_the_survivor_ends_with_one_line(data, tools, configs, tmp_path, dying):
    """Without a launcher that tells it to stop, as under Slurm."""
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable,
        tools / 'train.py',
        configs / 'fcos_pair.py',
        '--work-dir',
        tmp_path,
        '--launcher',
        'pytorch',
    ]
    processes = []
    for rank in (0, 1):
        env = dict(
            os.environ,
            CUDA_VISIBLE_DEVICES='',
            E2E_DATA=str(data),
            E2E_KILL='train:2' if rank == dying else '',
            MASTER_ADDR='127.0.0.1',
            MASTER_PORT=str(port),
            PYTHONPATH=os.pathsep.join([str(HERE), str(ROOT)]),
            RANK=str(rank),
            LOCAL_RANK=str(rank),
            WORLD_SIZE='2',
        )
        process = subprocess.Popen(
            list(map(str, command)),
            env=env,
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
    said = [process.communicate(timeout=250)[1] for process in processes]
    assert processes[dying].returncode == -signal.SIGKILL
    survivor = 1 - dying
    assert processes[survivor].returncode == 1, said[survivor][-5000:]
    last = said[survivor].strip().splitlines()[-1]
    assert last.startswith('train.py: another process of this run has ended')
    assert 'Traceback' not in said[survivor]
    assert not list(tmp_path.glob('*.pth*'))
