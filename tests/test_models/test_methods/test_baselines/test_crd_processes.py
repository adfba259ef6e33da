# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""CRD in two processes: one memory, of what both saw."""

from pathlib import Path

import pytest
import torch

from loading import load_file

SCRIPT = Path(__file__).resolve().with_name('crd_processes.py')
processes = load_file(SCRIPT)


@pytest.fixture(scope='module')
def found(in_processes, tmp_path_factory) -> list[dict]:
    """What each process found."""
    folder = tmp_path_factory.mktemp('crd')
    return in_processes(SCRIPT, folder, processes.WORLD)


def test_they_learn_as_one(found):
    first, second = found
    assert first['losses'] != second['losses']  # of other images
    learned = {
        key
        for key, value in first['weights'].items()
        if not torch.equal(value, first['start'][key])
    }
    embeddings = [
        f'transfers.loss_crd.loss.embed_{s}.weight' for s in ('target', 'source')
    ]
    assert {*embeddings, 'streams.student.backbone.conv1.weight'} <= learned
    for key, value in first['weights'].items():
        assert torch.equal(value, second['weights'][key]), key


def test_all_remember_what_each_saw(found):
    for one, other in zip(*(own['memories'] for own in found)):
        assert all(torch.equal(one[name], other[name]) for name in one)
    seen = [memory['classes'] for memory in found[0]['memories']]
    assert seen[0].tolist() == [0, 1, 2, 0, 1, 2, 0, 1, -1, -1]
    assert seen[1].tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]


def test_it_is_the_memory_of_one_process_with_the_whole_batch(found):
    model = processes.build()
    model(**processes.batch(0, [0, 1]), mode='loss')
    alone = processes.memory_of(model)
    for name in ('memory_target', 'memory_source', 'classes'):
        torch.testing.assert_close(found[0]['memories'][0][name], alone[name])
