# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Two processes with batches of their own replace the same share."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from dynkd.models.methods.dpk.cka import cka_of_terms, hsic_terms, position_terms
from loading import load_file

SCRIPT = Path(__file__).resolve().with_name('ratio_processes.py')
processes = load_file(SCRIPT)


@pytest.fixture(scope='module')
def found(in_processes, tmp_path_factory) -> list[dict]:
    """What each process found."""
    folder = tmp_path_factory.mktemp('ratios')
    return in_processes(SCRIPT, folder, processes.WORLD)


def cosine(teacher, student):
    return F.cosine_similarity(teacher.flatten(1), student.flatten(1)).mean()[None]


def expected(measure, similarity, least):
    """The ratios of one process that is given the minibatches of all."""
    window, ratios = [], []
    for step in range(processes.STEPS):
        batches = [processes.batch(step, rank) for rank in range(processes.WORLD)]
        rows = [measure(t, s) for s, t in batches if len(s) >= least]
        if rows:
            window = [*window, torch.stack(rows).mean(0)][-2:]
        ratios.append(1 - similarity(torch.stack(window)).item())
    return ratios


@pytest.mark.parametrize(
    ('kind', 'measure', 'similarity', 'least'),
    [
        ('cka', hsic_terms, cka_of_terms, 4),
        ('positions', position_terms, cka_of_terms, 1),
        ('cosine', cosine, torch.mean, 1),
    ],
)
def test_the_same_ratio_in_all_processes(found, kind, measure, similarity, least):
    (first, kept), (second, also) = (own[kind] for own in found)
    assert first == second
    assert torch.equal(kept, also)
    assert first == pytest.approx(expected(measure, similarity, least), abs=1e-5)
    assert len({*first}) >= processes.STEPS - 1


def test_an_error_in_all_processes(found):
    for own in found:
        assert 'batch of 3 image(s) per process' in own['error']
