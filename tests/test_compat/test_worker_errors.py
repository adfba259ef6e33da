# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A batch that a worker cannot hand over ends the training, which would wait for it."""

import sys

import pytest
from torch.utils.data import DataLoader

pytestmark = pytest.mark.skipif(sys.platform != 'linux', reason='workers are forked')


class Samples:
    """Samples of which one cannot be pickled."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return (lambda: index) if index == 2 else index


def test_the_error_of_a_worker_is_raised():
    # Without the repair, the loader waits until its timeout and says nothing of it.
    loader = DataLoader(
        Samples(),
        batch_size=1,
        num_workers=1,
        collate_fn=list,
        timeout=60,
        multiprocessing_context='fork',
    )
    seen = []
    with pytest.raises(Exception, match=r'(?s)DataLoader worker process 0.*lambda'):
        for batch in loader:
            seen += batch
    assert seen == [0, 1]


def test_other_queues_do_as_before(capfd):
    import multiprocessing

    queue = multiprocessing.get_context('fork').Queue()
    queue.put((0, lambda: 1))
    queue.put((1, 'sent'))
    assert queue.get(timeout=60) == (1, 'sent')
    assert 'lambda' in capfd.readouterr().err
