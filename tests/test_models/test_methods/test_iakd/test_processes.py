# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Several processes take the same paths."""

from pathlib import Path

import pytest
import torch

SCRIPT = Path(__file__).resolve().with_name('interaction_processes.py')


@pytest.fixture(scope='module')
def found(in_processes, tmp_path_factory) -> list[dict]:
    """What each of two processes found."""
    return in_processes(SCRIPT, tmp_path_factory.mktemp('processes'))


def test_paths_are_the_same(found):
    first, second = found
    assert first['loss'] != second['loss']  # of other images
    assert first['swapped'] == second['swapped']
    assert len(set(first['swapped'])) > 1


def test_what_was_replaced_has_no_gradient_in_any(found):
    first, second = found
    assert first['silent'] == second['silent']
    for share, names in zip(first['swapped'], first['silent']):
        blocks = {name.rpartition('.conv')[0] for name in names if '.conv' in name}
        assert len(blocks) == round(3 * share)
        assert len(names) == 6 * len(blocks)


def test_weights_are_the_same(found):
    first, second = (own['weights'] for own in found)
    learned = [key for key in first if 'running' not in key]
    assert learned and all(torch.equal(first[key], second[key]) for key in learned)
