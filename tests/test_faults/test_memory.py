# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A long training holds no more at its end than after its first steps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import dynkd

HERE = Path(__file__).resolve().parent
WARM_UP, ITERATIONS, EVERY = 500, 2500, 100
#: How much memory may grow, in KiB.
ALLOWED = 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='Linux tells')
def test_memory_files_and_threads_stay(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            str(HERE / 'memory_run.py'),
            str(tmp_path),
            str(ITERATIONS),
            str(EVERY),
        ],
        env=dict(os.environ, PYTHONPATH=str(Path(dynkd.__file__).parents[1])),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    found = [json.loads(line) for line in done.stdout.splitlines() if line[0] == '[']
    assert found[-1][0] == ITERATIONS
    steady = [own for own in found if own[0] >= WARM_UP]
    _, memory, files, threads = zip(*steady)
    # The half before and the half after: what is held now and then is in both.
    half = len(memory) // 2
    growth = max(memory[half:]) - max(memory[:half])
    print(
        f'{steady[-1][0] - steady[0][0]} iterations: memory {memory[0]} to '
        f'{memory[-1]} KiB, greatest of the second half {growth:+d} KiB; open files '
        f'{min(files)} to {max(files)}, threads {min(threads)} to {max(threads)}'
    )
    assert growth <= ALLOWED and memory[-1] - memory[0] <= ALLOWED
    assert len(set(files)) == len(set(threads)) == 1
