# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import copy
import pickle
import tempfile

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dynkd.models.stores import FORMATS, PredictionStore
from dynkd.registry import STORES

NUM = 9
BATCH = st.lists(st.integers(0, NUM - 1), min_size=0, max_size=6)
EPOCHS = st.lists(st.lists(BATCH, max_size=4), min_size=1, max_size=5)


def follow(stores, store, oracle, epochs, seed, resume=None):
    """Train a store and its oracle, comparing all that is read on the way."""
    for epoch, batches in enumerate(epochs, 1):
        for number, indices in enumerate(batches):
            labels = stores.labels(indices)
            found = store.read(torch.tensor(indices, dtype=torch.long), labels)
            expected = oracle.read(indices, labels)
            for tap in stores.taps:
                assert found[tap].shape == labels[tap].shape
                for own, its in zip(found[tap], expected[tap]):
                    torch.testing.assert_close(own, its, rtol=1e-6, atol=1e-7)
            logits = stores.logits(len(indices), seed + 100 * epoch + number)
            store.write(torch.tensor(indices, dtype=torch.long), logits)
            oracle.write(indices, logits)
        store.end_epoch(epoch)
        oracle.end_epoch()
        if resume is not None:
            store = resume(store, epoch)
    everything = [*range(NUM)]
    found = store.read(torch.tensor(everything), stores.labels(everything))
    expected = oracle.read(everything, stores.labels(everything))
    for tap in stores.taps:
        torch.testing.assert_close(found[tap], torch.stack(expected[tap]))


@settings(deadline=None, max_examples=40)
@given(epochs=EPOCHS, format=st.sampled_from(FORMATS), seed=st.integers(0, 10**6))
def test_is_a_dictionary_in_memory(stores, epochs, format, seed):
    store = stores.store(NUM, format=format)
    follow(stores, store, stores.DictStore(format=format), epochs, seed)


@settings(deadline=None, max_examples=30)
@given(epochs=EPOCHS, format=st.sampled_from(FORMATS), seed=st.integers(0, 10**6))
def test_is_a_dictionary_in_files(stores, epochs, format, seed):
    with tempfile.TemporaryDirectory() as path:
        store = stores.store(NUM, slots=2, format=format, path=path)
        follow(stores, store, stores.DictStore(format=format), epochs, seed)


@settings(deadline=None, max_examples=30)
@given(
    epochs=EPOCHS,
    killed=st.lists(BATCH, max_size=2),
    in_files=st.booleans(),
    slots=st.integers(2, 3),
    seed=st.integers(0, 10**6),
)
def test_is_a_dictionary_when_killed_in_every_epoch(
    stores, epochs, killed, in_files, slots, seed
):
    with tempfile.TemporaryDirectory() as folder:
        options = dict(path=folder if in_files else None)

        def resume(store, epoch):
            """Save, go on for a few steps, and start again from the checkpoint."""
            store.pin()
            state = copy.deepcopy(store.state_dict())
            for indices in killed:
                logits = stores.logits(len(indices), seed + 7)
                store.write(torch.tensor(indices, dtype=torch.long), logits)
            return stores.resumed(state, epoch, NUM, slots, **options)

        store = stores.store(NUM, slots=slots, **options)
        follow(stores, store, stores.DictStore(), epochs, seed, resume)


def test_the_epoch_reads_what_the_one_before_wrote(stores):
    store = stores.store()
    first, second = stores.logits(2, 1), stores.logits(2, 2)
    indices, labels = torch.tensor([7, 3]), stores.labels([7, 3])
    store.write(indices, first)
    for tap, found in store.read(indices, labels).items():
        assert torch.equal(found, labels[tap])
    store.end_epoch(1)
    store.write(indices, second)
    for tap, found in store.read(indices, labels).items():
        torch.testing.assert_close(found, first[tap].softmax(1))
    store.end_epoch(2)
    for tap, found in store.read(indices, labels).items():
        torch.testing.assert_close(found, second[tap].softmax(1))


def test_the_last_of_a_sample_in_a_batch_holds(stores):
    store = stores.store()
    logits = stores.logits(3, 1)
    store.write(torch.tensor([4, 5, 4]), logits)
    store.end_epoch(1)
    found = store.read(torch.tensor([4]), stores.labels([4]))
    for tap, own in logits.items():
        torch.testing.assert_close(found[tap], own[2:].softmax(1))


def test_rows_that_overflowed_keep_the_older_prediction(stores):
    store = stores.store()
    old, new = stores.logits(2, 1), stores.logits(2, 2)
    store.write(torch.tensor([0, 1]), old)
    store.end_epoch(1)
    new['student.branches.0.fc'][1, 2] = float('inf')
    store.write(torch.tensor([0, 1]), new)
    store.end_epoch(2)
    found = store.read(torch.tensor([0, 1]), stores.labels([0, 1]))['student.head']
    torch.testing.assert_close(found[0], new['student.head'][0].softmax(0))
    torch.testing.assert_close(found[1], old['student.head'][1].softmax(0))


@pytest.mark.parametrize('format', FORMATS)
def test_what_the_memory_held_before_does_not_matter(stores, format, monkeypatch):
    monkeypatch.setattr(np, 'empty', lambda size, dtype: np.full(size, 255, dtype))
    store = stores.store(format=format)
    store.write(torch.tensor([1]), stores.logits(1, 1))
    store.end_epoch(1)
    labels = stores.labels([0, 1])
    for tap, found in store.read(torch.tensor([0, 1]), labels).items():
        assert torch.equal(found[0], labels[tap][0])
        assert found[1].isfinite().all() and not torch.equal(found[1], labels[tap][1])


def test_half_precision_and_gradients_do_not_matter(stores):
    store = stores.store()
    logits = {tap: own.bfloat16() for tap, own in stores.logits(2, 1).items()}
    store.write(
        torch.tensor([0, 1]), {t: v.requires_grad_() for t, v in logits.items()}
    )
    store.end_epoch(1)
    found = store.read(torch.tensor([0]), stores.labels([0]))['student.head']
    assert found.dtype == torch.float32 and not found.requires_grad
    torch.testing.assert_close(
        found[0], logits['student.head'][0].detach().float().softmax(0)
    )


def test_only_the_taps_that_are_asked_for_are_read(stores):
    store = stores.store()
    stores.epoch(store, 1)
    labels = stores.labels([0])
    both = store.read(torch.tensor([0]), labels)
    tap = 'student.branches.0.fc'
    one = store.read(torch.tensor([0]), {tap: labels[tap]})
    assert list(one) == [tap] and torch.equal(one[tap], both[tap])


def test_registered():
    store = STORES.build(dict(type='PredictionStore', format='topk', k=2))
    store.declare({'student.head': 3})
    assert store.row_bytes == 8 and store.taps == {'student.head': 3}


def test_a_copy_of_the_model_does_not_copy_the_rows(stores):
    store = stores.store()
    assert copy.deepcopy(dict(history=store))['history'] is store


def test_pickled_without_rows(stores):
    store = stores.store(format='uint8', span=12.0)
    again = pickle.loads(pickle.dumps(store))
    assert not again.opened
    assert (again.taps, again.row_bytes) == (store.taps, store.row_bytes)
    assert (again.format, again.span) == ('uint8', 12.0)


@pytest.mark.parametrize('index', [-1, 12])
@pytest.mark.parametrize('what', ['read', 'write'])
def test_index_out_of_range(stores, index, what):
    store = stores.store()
    given = stores.labels([0]) if what == 'read' else stores.logits(1, 0)
    with pytest.raises(IndexError, match=f'sample_idx {index}.*12 samples'):
        getattr(store, what)(torch.tensor([index]), given)


def test_a_store_that_is_not_open_names_the_hook(stores):
    store = PredictionStore()
    store.declare(stores.taps)
    actions = [
        lambda: store.read(torch.tensor([0]), stores.labels([0])),
        lambda: store.write(torch.tensor([0]), stores.logits(1, 0)),
        lambda: store.end_epoch(1),
        store.state_dict,
    ]
    for action in actions:
        with pytest.raises(RuntimeError, match='dynkd.StoreHook'):
            action()


def test_nothing_declared():
    with pytest.raises(RuntimeError, match='no tap is declared'):
        PredictionStore().open(4, 'a data set')


def test_declared_and_resumed_before_it_is_opened(stores):
    store = stores.store()
    with pytest.raises(RuntimeError, match='has its taps'):
        store.declare({'student.head': 4})
    with pytest.raises(RuntimeError, match='before it is opened'):
        store.load_state_dict(store.state_dict(), 0)


def test_k_larger_than_the_number_of_classes():
    store = PredictionStore(format='topk', k=20)
    with pytest.raises(ValueError, match='`student.head`: k=20: .* of 10 class'):
        store.declare({'student.head': 10})


@pytest.mark.parametrize(
    'options', [dict(format='int8'), dict(format='uint8', span=-1)]
)
def test_wrong_options(options):
    with pytest.raises(ValueError, match='format=|`span`'):
        PredictionStore(**options)
