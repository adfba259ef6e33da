# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Several processes, on one node or more, keep what one with all batches would."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dynkd.models.stores.exchange import last_occurrences
from loading import load_file

SCRIPT = Path(__file__).resolve().with_name('store_processes.py')
processes = load_file(SCRIPT)
SHARED = Path('/dev/shm')


@pytest.fixture(scope='module')
def out(tmp_path_factory) -> Path:
    """Folder of what the processes write."""
    return tmp_path_factory.mktemp('processes')


@pytest.fixture(scope='module')
def found(in_processes, out) -> list[dict]:
    """What each process found."""
    before = {*SHARED.glob('dynkd-*')}
    found = in_processes(SCRIPT, out, processes.WORLD)
    # Nothing is left of the memory that they shared.
    assert {*SHARED.glob('dynkd-*')} <= before
    return found


def alone(format: str) -> list[torch.Tensor]:
    """What one process with the whole batches reads after each epoch."""
    store, expected = processes.new_store(format=format), []
    store.open(processes.NUM, 'a data set')
    for epoch in range(1, processes.EPOCHS + 1):
        for step in range(processes.STEPS):
            store.write(*processes.whole_batch(epoch, step))
        store.end_epoch(epoch)
        expected.append(processes.everything(store))
    return expected


@pytest.mark.parametrize('kind', ['memory', 'files'])
@pytest.mark.parametrize('format', ['float32', 'uint8'])
@pytest.mark.parametrize('layout', processes.LAYOUTS)
def test_all_processes_read_what_one_would(found, layout, format, kind):
    expected = alone(format)
    assert not torch.equal(expected[0], expected[1])
    for own in found:
        seen = own[f'{layout} {format} {kind}']
        # After each epoch, and again after being stopped and resumed.
        for epoch in range(processes.EPOCHS):
            for state in seen[2 * epoch : 2 * epoch + 2]:
                torch.testing.assert_close(state, expected[epoch], rtol=0, atol=1e-6)


def test_the_order_of_ranks_matters():
    # Else the test above could not fail: the last of a sample is another rank's.
    indices, _ = processes.whole_batch(1, 0)
    assert len(indices.unique()) < len(indices)


def test_one_set_of_files_a_node(found, out):
    nodes = {layout: len({*nodes}) for layout, nodes in processes.LAYOUTS.items()}
    for layout, count in nodes.items():
        ledgers = [*(out / f'{layout}-uint8').glob('*.json')]
        assert len(ledgers) == count


def test_an_error_of_one_process_is_an_error_of_all(found):
    for own in found:
        assert 'the store of past predictions needs' in own['error']
    assert 'rank 2: ' in found[0]['error']


def test_last_occurrences():
    samples, positions = last_occurrences(np.array([7, -1, 3, 7, 3, -1, 0]))
    assert samples.tolist() == [7, 3, 0]
    assert positions.tolist() == [3, 4, 6]
