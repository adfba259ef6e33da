# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Two processes that are resumed go on as if they had not stopped, statistics too."""

from pathlib import Path

import pytest
import torch

EPOCHS = 3
PARTS = ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers')


def load(path: Path) -> dict:
    """A checkpoint."""
    from dynkd.compat import load_checkpoint_file

    return load_checkpoint_file(path)


@pytest.fixture(scope='module')
def runs(run, tools, configs, tmp_path_factory) -> tuple[Path, Path]:
    """A run that was never stopped, and one that was resumed after its first epoch."""
    folders = [tmp_path_factory.mktemp('pair') for _ in range(2)]
    command = (tools / 'dist_train.sh', configs / 'resumed_pair.py', 2, '--work-dir')
    run(*command, folders[0])
    run(*command, folders[1], '--resume', folders[0] / 'epoch_1.pth')
    return folders[0], folders[1]


# The checkpoint of the first epoch was saved once more after its validation.
@pytest.mark.parametrize('epoch', range(2, EPOCHS + 1))
@pytest.mark.parametrize('rank', [0, 1])
def test_the_model_that_is_validated_is_the_same(runs, epoch, rank):
    whole, resumed = (torch.load(f / f'val_{epoch}_{rank}.pt') for f in runs)
    assert any('running_var' in name for name in whole)
    for name, value in whole.items():
        assert torch.equal(value, resumed[name]), name


def test_both_processes_validate_what_is_saved(runs):
    first, second = (torch.load(runs[0] / f'val_2_{rank}.pt') for rank in (0, 1))
    saved = load(runs[0] / 'epoch_2.pth')['state_dict']
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
        # The averaged weights are what `state_dict` of a checkpoint holds.
        assert torch.equal(value, saved[name]), name


@pytest.mark.parametrize('part', PARTS)
def test_they_end_with_the_same(runs, part):
    whole, resumed = (load(f / f'epoch_{EPOCHS}.pth')[part] for f in runs)
    assert str(whole) == str(resumed)
    if 'state_dict' in part:
        assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_they_have_the_same_best(runs):
    scores = []
    for folder in runs:
        infos = load(folder / f'epoch_{EPOCHS}.pth')['message_hub']['runtime_info']
        scores.append(infos['best_score'])
    assert scores[0] == scores[1]


def test_the_teacher_learned_and_then_was_frozen(runs):
    # Else its statistics would not matter to the weights.
    states = [load(runs[0] / f'epoch_{n}.pth')['ema_state_dict'] for n in (1, 2, 3)]
    key = 'module.streams.teacher.backbone.bn1.running_mean'
    assert key in states[0]
    assert torch.equal(states[1][key], states[2][key])
