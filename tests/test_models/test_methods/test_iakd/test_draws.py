# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Draws of paths: their share, and what they depend on."""

import random

import numpy as np
import pytest
import torch

from dynkd.models.methods.iakd import build_probability, draw_paths
from dynkd.models.schedules import Progress
from dynkd.utils import seed_everything


@pytest.mark.parametrize('p', [0.1, 0.3, 0.5, 0.9])
def test_the_share_of_the_teacher_is_one_minus_p(progress, p):
    """Within 4.5 standard deviations of the binomial; so is each pair's own share,
    and so is the share in which two neighbours agree."""
    steps, pairs = 2000, 9
    drawn = np.empty((steps, pairs))
    for step in range(steps):
        progress(iter=step)
        drawn[step] = draw_paths(pairs, p, Progress.current())

    def holds(hits, trials, share):
        return abs(hits - trials * share) < 4.5 * (trials * share * (1 - share)) ** 0.5

    assert holds(drawn.sum(), steps * pairs, 1 - p)
    assert all(holds(own.sum(), steps, 1 - p) for own in drawn.T)
    both = (drawn[:, 1:] * drawn[:, :-1]).sum(axis=0)
    assert all(holds(own, steps, (1 - p) ** 2) for own in both)
    later = (drawn[1:] * drawn[:-1]).sum(axis=0)
    assert all(holds(own, steps - 1, (1 - p) ** 2) for own in later)


def test_p_of_one_is_the_student_alone(progress):
    for step in range(200):
        progress(iter=step)
        assert draw_paths(5, 1.0, Progress.current()) == (False,) * 5


def test_seed_and_iteration_say_all(progress):
    progress(seed=5, iter=7)
    first = draw_paths(40, 0.5, Progress.current())
    draw_paths(3, 0.1, Progress.current())
    seed_everything(9, 9)
    progress(epoch=3, max_epochs=8)
    assert draw_paths(40, 0.5, Progress.current()) == first
    progress(iter=8)
    after = draw_paths(40, 0.5, Progress.current())
    progress(iter=7, seed=6)
    other = draw_paths(40, 0.5, Progress.current())
    assert len({first, after, other}) == 3
    # A larger p swaps less, and nothing else.
    progress(seed=5)
    assert all(a >= b for a, b in zip(first, draw_paths(40, 0.8, Progress.current())))


def test_no_random_state_moves():
    states = random.getstate(), np.random.get_state()[1].copy(), torch.get_rng_state()
    draw_paths(50, 0.5, Progress.current())
    assert random.getstate() == states[0]
    assert (np.random.get_state()[1] == states[1]).all()
    assert torch.equal(torch.get_rng_state(), states[2])


@pytest.mark.parametrize(
    ('probability', 'message'),
    [
        (0.0, r'x: probability must be a number in \(0, 1\].* 0.0'),
        (1.5, r'got 1.5'),
        (-0.1, r'got -0.1'),
        ('0.5', "got '0.5'"),
        (dict(type='LinearSchedule', start=0.0, stop=1.0), '`start` of Linear'),
        (dict(type='ReviewSchedule', start=0.1, stop=1.1), '`stop` of Review'),
        (dict(type='StepSchedule', values=[0.5, 0], milestones=[1]), '`values` of'),
        (dict(type='ConstantSchedule', value=0), '`constant` of Constant'),
    ],
)
def test_probabilities_that_are_none(probability, message):
    with pytest.raises(ValueError, match=message):
        build_probability(probability, 'x')


def test_probabilities():
    assert build_probability(1, 'x')(Progress()) == 1
    linear = dict(type='LinearSchedule', start=0.2, stop=1.0)
    middle = Progress(epoch=2, max_epochs=5)
    assert build_probability(linear, 'x')(middle) == pytest.approx(0.6)
