# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Killed trainings, once resumed, end bit for bit as one that was never killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
RUNS = ('dkd', 'ekd', 'dpk', 'iakd', 'dtskd', 'dtskd_files')

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='forks, reads clocks')


@pytest.fixture
def campaign(tmp_path):
    """Run the campaign in a process of its own; return its status, text and cells."""

    def run(*options):
        out = tmp_path / 'out.json'
        command = [sys.executable, str(HERE / 'campaign.py'), '--out', str(out)]
        env = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
        done = subprocess.run(
            [*command, *options], env=env, capture_output=True, text=True
        )
        said = done.stdout + done.stderr[-5000:]
        cells = json.loads(out.read_text())['cells'] if out.exists() else []
        return done.returncode, said, cells

    return run


def test_killed_runs_end_as_if_they_had_not_been(campaign):
    status, said, cells = campaign(
        *('--runs', 'dtskd_files', '--processes', '1', '--kills', '1', '--planned', '2')
    )
    assert status == 0, said
    ((_, _, kinds),) = cells
    assert len(kinds['random']) == 1 and len(kinds['planned']) == 2


@pytest.mark.slow
@pytest.mark.parametrize('processes', [1, 2])
@pytest.mark.parametrize('run', RUNS)
def test_twenty_random_and_all_planned_kills_of(campaign, run, processes):
    status, said, cells = campaign(
        *('--runs', run, '--processes', str(processes), '--kills', '20')
    )
    assert status == 0, said
    ((_, _, kinds),) = cells
    assert all(len(found) >= 20 for found in kinds.values())


@pytest.mark.slow
def test_the_campaign_sees_other_random_numbers(campaign):
    # Else the tests above could not fail.
    options = ('--runs', 'dkd', '--processes', '1', '--kills', '0', '--planned', '4')
    status, said, _ = campaign(*options, '--without-seeds')
    assert status == 1 and 'state_dict' in said, said
