# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A run with a store that is killed and resumed ends as one that was never killed."""

import signal
from pathlib import Path
from typing import Callable

import pytest
import torch

LAST = 'epoch_4.pth'


def load(path: Path) -> dict:
    """A checkpoint."""
    from dynkd.compat import load_checkpoint_file

    return load_checkpoint_file(path)


def equal(one: dict, other: dict) -> bool:
    """Whether two sets of weights are equal bit for bit."""
    return one.keys() == other.keys() and all(
        torch.equal(one[key], other[key]) for key in one
    )


@pytest.fixture(scope='module')
def history_run(run, tools, configs, tmp_path_factory) -> Callable[..., Path]:
    """Train, killed at some places and resumed; gives the work directory."""

    def train(*kills: str, stored: bool = False) -> Path:
        work_dir = tmp_path_factory.mktemp('history')
        command = (tools / 'train.py', configs / 'history.py', '--work-dir', work_dir)
        env = dict(E2E_STORE=str(work_dir / 'store') if stored else 'memory')
        for kill in kills:
            env_kill = dict(env, E2E_KILL=kill)
            run(*command, '--resume', status=-signal.SIGKILL, **env_kill)
        run(*command, '--resume', **env)
        return work_dir

    return train


@pytest.fixture(scope='module')
def whole(history_run) -> Path:
    """Work directory of a run that was never killed."""
    return history_run()


@pytest.mark.parametrize('stored', [False, True], ids=['memory', 'files'])
def test_killed_and_resumed_ends_bit_for_bit_the_same(history_run, whole, stored):
    """In an iteration of the third epoch; between a turn of the store and the end of
    its checkpoint's writing."""
    resumed = history_run('train:8', 'write:3', stored=stored)
    one, other = (load(folder / LAST)['state_dict'] for folder in (whole, resumed))
    assert equal(one, other)


def test_the_history_teaches(whole):
    """Else the comparison could not fail: what the store holds is no label."""
    state = load(whole / LAST)
    rows = [value for key, value in _tensors(state) if key.endswith('rows')]
    assert len(rows) == 1
    assert rows[0].shape[0] == 12
    before = [v for k, v in _tensors(load(whole / 'epoch_3.pth')) if k.endswith('rows')]
    assert not torch.equal(rows[0], before[0])


def test_every_branch_is_validated(whole):
    import json

    lines = next(whole.glob('*/vis_data/scalars.json')).read_text().splitlines()
    metrics = {key for line in lines for key in json.loads(line)}
    names = ['student', *(f'student.branches.{index}' for index in range(3))]
    assert {f'{name}/accuracy/top1' for name in names} <= metrics


def test_the_exported_student_is_plain(whole):
    weights = load(whole / 'student.pth')['state_dict']
    assert weights and all(k.startswith(('backbone.', 'head.')) for k in weights)


def _tensors(value, name: str = '') -> list[tuple[str, torch.Tensor]]:
    """All tensors in nested dictionaries, with their places."""
    if isinstance(value, torch.Tensor):
        return [(name, value)]
    if not isinstance(value, dict):
        return []
    return [t for key in value for t in _tensors(value[key], f'{name}.{key}')]
