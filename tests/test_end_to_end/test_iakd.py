# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""IAKD, as the project's runtime config sets it up, in two processes."""

import json
from pathlib import Path

import pytest
import torch


@pytest.fixture(scope='module')
def iakd_run(run, tools, configs, tmp_path_factory) -> Path:
    """Work directory of a finished run of two processes."""
    work_dir = tmp_path_factory.mktemp('iakd')
    run(tools / 'dist_train.sh', configs / 'iakd.py', 2, '--work-dir', work_dir)
    return work_dir


def test_p_starts_again_where_the_learning_rate_drops(iakd_run):
    (scalars,) = iakd_run.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    # 12 images in batches of 3 a process: 2 iterations an epoch.
    steps = [line for line in lines if 'loss' in line]
    assert [step['lr'] for step in steps] == pytest.approx([0.1] * 4 + [0.01] * 4)
    chances = [step['interaction/p'] for step in steps]
    assert chances == pytest.approx([0.3, 0.3, 1, 1] * 2)
    shares = [step['interaction/swapped'] for step in steps]
    assert shares[2:4] == shares[6:] == [0, 0]
    assert sum(shares) > 0


def test_the_exported_student_is_the_checkpoints(iakd_run):
    exported = torch.load(iakd_run / 'student.pth', weights_only=True)['state_dict']
    whole = torch.load(iakd_run / 'epoch_4.pth', weights_only=False)['state_dict']
    prefix = 'streams.student.'
    own = {
        key.removeprefix(prefix): value
        for key, value in whole.items()
        if key.startswith(prefix)
    }
    assert exported.keys() <= own.keys() and len(exported) > 100
    assert all(torch.equal(exported[key], own[key]) for key in exported)
