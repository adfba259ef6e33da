# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Two processes with losses of their own have the same weight."""

import math
from pathlib import Path

import pytest
import torch

from loading import load_file

SCRIPT = Path(__file__).resolve().with_name('balance_processes.py')
processes = load_file(SCRIPT)


@pytest.fixture(scope='module')
def found(in_processes, tmp_path_factory) -> list[dict]:
    """What each process found."""
    folder = tmp_path_factory.mktemp('weights')
    return in_processes(SCRIPT, folder, processes.WORLD)


@pytest.mark.parametrize('kind', list(processes.KINDS))
def test_the_same_weight_in_all_processes(found, kind):
    (first, kept), (second, also) = (own[kind] for own in found)
    assert first == second
    assert torch.equal(kept, also)
    momentum = processes.KINDS[kind]
    means, count, expected = [0.0, 0.0], 0, []
    for step in range(processes.STEPS):
        rows = [processes.losses(step, rank) for rank in range(processes.WORLD)]
        rows = [row for row in rows if all(map(math.isfinite, row))]
        if rows and (momentum or count < processes.ITERATIONS):
            rate = 1 / (count + 1) if count < processes.ITERATIONS else momentum
            new = [sum(part) / len(rows) for part in zip(*rows)]
            means = [mean + rate * (own - mean) for mean, own in zip(means, new)]
            count += 1
        weight = processes.SHARE * means[0] / means[1] if count else 0.0
        expected.append(weight)
    assert first == pytest.approx(expected, rel=1e-5)
    assert first[0] == 0 and len(set(first)) >= 4
