# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A run that is killed and resumed ends as one that was never killed."""

import random
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

ITERATIONS = 3
LAST = 'epoch_4.pth'


def load(path: Path) -> dict:
    """A checkpoint."""
    from dynkd.compat import load_checkpoint_file

    return load_checkpoint_file(path)


def differences(a: Any, b: Any, place: str = '') -> list[str]:
    """Where two nested values are not equal bit for bit."""
    if isinstance(a, torch.Tensor):
        same = isinstance(b, torch.Tensor) and torch.equal(a, b)
        return [] if same else [place]
    if isinstance(a, dict):
        if not isinstance(b, dict) or a.keys() != b.keys():
            return [place]
        return [d for key in a for d in differences(a[key], b[key], f'{place}.{key}')]
    if isinstance(a, (list, tuple)):
        if len(a) != len(b):
            return [place]
        pairs = enumerate(zip(a, b))
        return [d for i, (x, y) in pairs for d in differences(x, y, f'{place}[{i}]')]
    return [] if a == b else [place]


@pytest.fixture(scope='module')
def resumed_run(run, tools, configs, tmp_path_factory) -> Path:
    """Work directory of a run that was killed three times and then finished."""
    work_dir = tmp_path_factory.mktemp('resumed')
    batch = random.randint(1, 3)
    iteration = random.randint(ITERATIONS + 1, 2 * ITERATIONS)
    kills = (f'val:1:{batch}', f'train:{iteration}', 'write:3')
    # Shown by pytest where the test fails.
    print('killed at', *kills)
    command = (tools / 'train.py', configs / 'fcos_pair.py', '--work-dir', work_dir)
    for kill in kills:
        run(*command, '--resume', status=-signal.SIGKILL, E2E_KILL=kill)
    torn = work_dir / 'epoch_3.pth'
    with pytest.raises((RuntimeError, EOFError, OSError)):
        torch.load(torn, weights_only=True)
    run(*command, '--resume')
    return work_dir


@pytest.mark.parametrize('part', ['state_dict', 'optimizer', 'param_schedulers'])
def test_killed_and_resumed_run_ends_bit_for_bit_the_same(
    detection_run, resumed_run, part
):
    # Killed in a validation after its checkpoint was written, in a training iteration,
    # and half-way through writing a checkpoint.
    whole, resumed = (load(path / LAST)[part] for path in (detection_run, resumed_run))
    assert differences(whole, resumed) == []
    if part != 'state_dict':
        assert set(whole) == {'teacher', 'student'}


def test_the_comparison_sees_one_epoch_less(detection_run):
    # Else the test above could not fail.
    before, after = (load(detection_run / f'epoch_{epoch}.pth') for epoch in (3, 4))
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        found = ' '.join(differences(before[part], after[part]))
        assert 'teacher' in found and 'student' in found, part


def test_schedules_went_through_the_validations(detection_run):
    (plateau,) = load(detection_run / LAST)['param_schedulers']['teacher']
    # The last validation comes after the last checkpoint.
    assert plateau['num_bad_epochs'] or plateau['_last_value'][0] < 1e-3


def test_best_checkpoint_and_its_score_survive(detection_run, resumed_run):
    best = [
        sorted(p.name for p in d.glob('best*')) for d in (detection_run, resumed_run)
    ]
    assert best[0] and best[0] == best[1]
    scores = [
        load(d / LAST)['message_hub']['runtime_info']['best_score']
        for d in (detection_run, resumed_run)
    ]
    assert scores[0] == scores[1]


def test_exports_are_the_same(detection_run, resumed_run):
    whole, resumed = (load(d / 'student.pth') for d in (detection_run, resumed_run))
    assert differences(whole['state_dict'], resumed['state_dict']) == []


def test_checkpoint_holds_all_that_is_trained_and_nothing_frozen(detection_run):
    checkpoint = load(detection_run / LAST)
    roots = {tuple(key.split('.')[:2]) for key in checkpoint['state_dict']}
    assert roots == {
        ('streams', 'teacher'),
        ('streams', 'student'),
        ('transfers', 'loss_emd'),
        # What their weights were measured on.
        ('transfers', 'loss_kld_student'),
        ('transfers', 'loss_mse'),
    }
