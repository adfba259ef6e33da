# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Shared memory of a run that was killed is freed by the next one."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import dynkd
from dynkd.models.stores import locks
from dynkd.models.stores.locks import Claim

pytestmark = pytest.mark.skipif(locks.fcntl is None, reason='files are not locked')
CODE = """
import sys
from pathlib import Path
from dynkd.models.stores.locks import Claim
claim = Claim.make(Path(sys.argv[1]))
for file in claim.files(2):
    file.write_bytes(b'rows')
print('made', flush=True)
sys.stdin.read()
"""


@pytest.fixture
def run(tmp_path):
    """A process that has files in a folder."""
    process = subprocess.Popen(
        [sys.executable, '-c', CODE, str(tmp_path)],
        env=dict(os.environ, PYTHONPATH=str(Path(dynkd.__file__).parents[1])),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == 'made\n'
    yield process
    process.kill()
    process.communicate()


def test_files_of_a_killed_run_are_removed_and_those_of_a_living_one_are_not(
    tmp_path, run
):
    other = tmp_path / 'dynkd-of-somebody'
    other.touch()
    theirs = {*tmp_path.iterdir()}
    assert len(theirs) == 4
    own = Claim.make(tmp_path)
    assert {*tmp_path.iterdir()} == theirs | {own.path}
    own.remove()
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert {*tmp_path.iterdir()} == theirs
    own = Claim.make(tmp_path)
    assert {*tmp_path.iterdir()} == {own.path, other}
    own.remove()
    assert {*tmp_path.iterdir()} == {other}


def test_taken_for_a_leftover_before_it_is_locked(tmp_path, monkeypatch):
    real, seen = locks.fcntl.lockf, []

    def lockf(file, how):
        seen.append(file.name)
        if len(seen) == 1:  # Another run holds it at the moment.
            raise OSError(errno.EAGAIN, 'Resource temporarily unavailable')
        if len(seen) == 2:  # Another run has removed it.
            os.unlink(file.name)
        real(file, how)

    monkeypatch.setattr(locks.fcntl, 'lockf', lockf)
    claim = Claim.make(tmp_path)
    # The first one is what a run that lives would leave.
    assert len({*seen}) == 3 and str(claim.path) == seen[2]
    claim.remove()


def test_a_folder_that_cannot_be_written(tmp_path):
    with pytest.raises(FileNotFoundError):
        Claim.make(tmp_path / 'none')
