# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A store that is stopped anywhere and resumed is one that was never stopped."""

import copy
import json

import pytest
import torch

from dynkd.compat import load_checkpoint_file
from dynkd.models.stores import PredictionStore


@pytest.fixture(params=['memory', 'files'])
def options(request, tmp_path) -> dict:
    """Options of a store in memory and of one in files."""
    return dict(path=None if request.param == 'memory' else str(tmp_path / 'rows'))


def saved(store: PredictionStore, folder) -> dict:
    """The state after it went through a checkpoint."""
    store.pin()
    path = folder / 'checkpoint.pth'
    stores = dict(history=store.state_dict())
    torch.save(dict(state_dict=dict(w=torch.ones(1)), stores=stores), path)
    # No code runs when a checkpoint is loaded: plain values and tensors only.
    torch.load(path, weights_only=True)
    return load_checkpoint_file(str(path))['stores']['history']


def trained(stores, epochs: int) -> torch.Tensor:
    """What a store that was never stopped says."""
    store = stores.store()
    for epoch in range(1, epochs + 1):
        stores.epoch(store, epoch)
    return stores.everything(store)


@pytest.mark.parametrize('slots', [2, 3])
def test_killed_in_the_middle_of_an_epoch(stores, options, slots, tmp_path):
    store = stores.store(slots=slots, **options)
    stores.epoch(store, 1)
    stores.epoch(store, 2)
    state = saved(store, tmp_path)
    store.write(torch.tensor([0, 8, 9]), stores.logits(3, 999))
    again = stores.resumed(state, 2, slots=slots, **options)
    assert torch.equal(stores.everything(again), trained(stores, 2))
    stores.epoch(again, 3)
    assert torch.equal(stores.everything(again), trained(stores, 3))


@pytest.mark.parametrize('slots', [2, 3])
def test_killed_between_the_end_of_an_epoch_and_its_checkpoint(
    stores, options, slots, tmp_path
):
    store = stores.store(slots=slots, **options)
    stores.epoch(store, 1)
    stores.epoch(store, 2)
    state = saved(store, tmp_path)
    stores.epoch(store, 3, [[0, 8, 9]])
    again = stores.resumed(state, 2, slots=slots, **options)
    assert torch.equal(stores.everything(again), trained(stores, 2))
    stores.epoch(again, 3)
    assert torch.equal(stores.everything(again), trained(stores, 3))


def test_killed_epochs_after_the_last_checkpoint(stores, options, tmp_path):
    store = stores.store(slots=2, **options)
    stores.epoch(store, 1)
    state = saved(store, tmp_path)
    for epoch in (2, 3, 4):
        stores.epoch(store, epoch, [[0, 8, 9], [epoch]])
    again = stores.resumed(state, 1, slots=2, **options)
    assert torch.equal(stores.everything(again), trained(stores, 1))


def test_resumed_before_the_first_epoch_was_done(stores, options, tmp_path):
    store = stores.store(**options)
    state = saved(store, tmp_path)
    stores.epoch(store, 1)
    again = stores.resumed(state, 0, **options)
    everything = list(range(12))
    labels = stores.labels(everything)
    expected = torch.cat([labels[tap] for tap in stores.taps], 1)
    assert torch.equal(stores.everything(again), expected)


def test_rows_in_a_checkpoint_can_move_into_files(stores, tmp_path):
    store = stores.store()
    stores.epoch(store, 1)
    state = saved(store, tmp_path)
    path = str(tmp_path / 'rows')
    again = stores.resumed(state, 1, path=path)
    stores.epoch(again, 2)
    assert torch.equal(stores.everything(again), trained(stores, 2))
    third = stores.resumed(saved(again, tmp_path), 2, path=path)
    assert torch.equal(stores.everything(third), trained(stores, 2))


def test_a_checkpoint_of_files_holds_no_rows(stores, tmp_path):
    store = stores.store(path=str(tmp_path / 'rows'))
    stores.epoch(store, 1)
    assert set(saved(store, tmp_path)) == {'meta', 'epoch', 'id'}


def test_two_slots_of_files_are_enough_where_each_epoch_is_saved(stores, tmp_path):
    path = tmp_path / 'rows'
    store = stores.store(slots=2, path=str(path))
    for epoch in range(1, 6):
        stores.epoch(store, epoch)
        saved(store, tmp_path)
    assert len(list(path.glob('*.bin'))) == 2


def test_a_third_slot_is_made_where_an_epoch_is_not_saved(stores, tmp_path):
    path = tmp_path / 'rows'
    store = stores.store(slots=2, path=str(path))
    stores.epoch(store, 1)
    saved(store, tmp_path)
    for epoch in range(2, 6):
        stores.epoch(store, epoch)
    assert len(list(path.glob('*.bin'))) == 3


def test_a_slot_is_struck_out_while_it_is_written(stores, tmp_path):
    path = tmp_path / 'rows'
    store = stores.store(slots=2, path=str(path))
    ledger = path / 'store.node0.json'
    stores.epoch(store, 1)
    stores.epoch(store, 2)

    def epochs():
        return [e and e['epoch'] for e in json.loads(ledger.read_text())]

    assert sorted(epochs()) == [1, 2]
    store.write(torch.tensor([0]), stores.logits(1, 1))
    assert sorted(map(str, epochs())) == ['2', 'None']
    store.end_epoch(3)
    assert sorted(epochs()) == [2, 3]


def test_a_fresh_run_in_the_folder_of_an_old_one(stores, tmp_path):
    path = str(tmp_path / 'rows')
    old = stores.store(path=path)
    stores.epoch(old, 1, [list(range(12))])
    state = saved(old, tmp_path)
    store = stores.store(path=path)
    stores.epoch(store, 1)
    assert torch.equal(stores.everything(store), trained(stores, 1))
    # The old run's epoch 1 is not taken for the new one's.
    stores.epoch(store, 2)
    stores.epoch(store, 3)
    stores.epoch(store, 4)
    with pytest.raises(ValueError, match='not those'):
        stores.resumed(state, 1, path=path)


def test_an_older_checkpoint_than_the_files_hold(stores, tmp_path):
    path = str(tmp_path / 'rows')
    store = stores.store(slots=2, path=path)
    states = []
    for epoch in range(1, 5):
        stores.epoch(store, epoch)
        states.append(copy.deepcopy(saved(store, tmp_path)))
    with pytest.raises(
        ValueError, match='after epoch 1 .* after epoch 3, 4.*newest.*path=None'
    ):
        stores.resumed(states[0], 1, slots=2, path=path)
    # Nothing was lost by trying.
    again = stores.resumed(states[3], 4, slots=2, path=path)
    assert torch.equal(stores.everything(again), trained(stores, 4))


def test_files_that_are_gone(stores, tmp_path):
    path = tmp_path / 'rows'
    store = stores.store(path=str(path))
    stores.epoch(store, 1)
    state = saved(store, tmp_path)
    for file in path.iterdir():
        file.unlink()
    with pytest.raises(ValueError, match='hold predictions of no epoch'):
        stores.resumed(state, 1, path=str(path))


def test_a_checkpoint_of_files_and_a_store_in_memory(stores, tmp_path):
    store = stores.store(path=str(tmp_path / 'rows'))
    stores.epoch(store, 1)
    with pytest.raises(ValueError, match='give the store the `path`'):
        stores.resumed(saved(store, tmp_path), 1)


@pytest.mark.parametrize(
    'change, message',
    [
        (dict(taps={'student.head': 7}), r"these taps.*'student.branches.0.fc': 3"),
        (dict(num_samples=13), 'this number of samples: 12. This run has 13'),
        (dict(fingerprint='another'), 'of this fingerprint: a data set.*another'),
        (dict(format='uint8'), r'this format: .*float32.*uint8 \(span 20\)'),
        (dict(epoch=2), 'after epoch 1, but the training is resumed after epoch 2'),
    ],
)
def test_what_does_not_fit_is_refused_and_spared(
    stores, options, change, message, tmp_path
):
    store = stores.store(**options)
    stores.epoch(store, 1)
    state = copy.deepcopy(saved(store, tmp_path))
    other = PredictionStore(format=change.get('format', 'float32'), **options)
    other.declare(change.get('taps', stores.taps))
    other.load_state_dict(state, change.get('epoch', 1))
    with pytest.raises(ValueError, match=message):
        other.open(
            change.get('num_samples', 12), change.get('fingerprint', 'a data set')
        )
    assert not other.opened
    again = stores.resumed(state, 1, **options)
    assert torch.equal(stores.everything(again), trained(stores, 1))


def test_files_of_another_size_are_made_anew_in_a_fresh_run(stores, tmp_path):
    path = tmp_path / 'rows'
    stores.epoch(stores.store(num_samples=50, path=str(path)), 1)
    store = stores.store(path=str(path))
    stores.epoch(store, 1)
    assert torch.equal(stores.everything(store), trained(stores, 1))
    assert {f.stat().st_size for f in path.glob('*.bin')} == {
        12 * (store.row_bytes + 1)
    }


FORMATS = ('float32', 'float16', 'uint8', 'topk')


def refused(stores, state: dict, epoch: int, **options) -> str:
    """Why a state cannot be resumed."""
    with pytest.raises(ValueError) as error:
        stores.resumed(state, epoch, **options)
    return str(error.value)


@pytest.mark.parametrize('damage', ['all', 'one bit', 'rows of another epoch'])
def test_a_damaged_file_is_refused_by_its_name(stores, tmp_path, damage):
    path = tmp_path / 'rows'
    store = stores.store(path=str(path))
    stores.epoch(store, 1)
    stores.epoch(store, 2)
    state = saved(store, tmp_path)
    store.close()
    (slot,) = (i for i, e in enumerate(_ledger(path)) if e and e['epoch'] == 2)
    file, other = (path / f'store.node0.{i}.bin' for i in (slot, 1 - slot))
    content = bytearray(file.read_bytes())
    if damage == 'all':
        content[:] = b'\xff' * len(content)
    elif damage == 'one bit':
        content[5] ^= 1
    else:
        content[:] = other.read_bytes()
    file.write_bytes(content)
    text = refused(stores, state, 2, path=str(path))
    assert text.startswith(f'{file} is damaged') and 'after epoch 2' in text


def test_a_damaged_file_of_another_epoch_is_written_anew(stores, tmp_path):
    path = tmp_path / 'rows'
    store = stores.store(path=str(path))
    stores.epoch(store, 1)
    stores.epoch(store, 2)
    state = saved(store, tmp_path)
    store.close()
    (slot,) = (i for i, e in enumerate(_ledger(path)) if e and e['epoch'] == 1)
    file = path / f'store.node0.{slot}.bin'
    file.write_bytes(b'\xff' * file.stat().st_size)
    again = stores.resumed(state, 2, path=str(path))
    stores.epoch(again, 3)
    assert torch.equal(stores.everything(again), trained(stores, 3))


def test_files_of_an_older_version_have_no_checksum(stores, tmp_path):
    path = tmp_path / 'rows'
    store = stores.store(path=str(path))
    stores.epoch(store, 1)
    state = saved(store, tmp_path)
    store.close()
    entries = [e and dict(epoch=e['epoch'], id=e['id']) for e in _ledger(path)]
    (path / 'store.node0.json').write_text(json.dumps(entries))
    again = stores.resumed(state, 1, path=str(path))
    assert torch.equal(stores.everything(again), trained(stores, 1))
    again.close()
    (path / 'store.node0.json').write_text(json.dumps(entries))
    file = path / 'store.node0.0.bin'
    file.write_bytes(b'\xff' * file.stat().st_size)
    assert '12 of 12 samples are damaged' in refused(stores, state, 1, path=str(path))


@pytest.mark.parametrize('format', FORMATS)
@pytest.mark.parametrize('tap', range(2))
def test_rows_that_are_not_predictions_are_refused(stores, tmp_path, format, tap):
    options = dict(format=format, k=2 if format == 'topk' else None)
    store = stores.store(**options)
    stores.epoch(store, 1)
    state = saved(store, tmp_path)
    stores.resumed(copy.deepcopy(state), 1, **options)
    edge = store._layout.codecs['student.head'].row_bytes
    # Of sample 1, which was seen, and of sample 9, which was not.
    for sample in (1, 9):
        state['rows'][sample][edge * tap : edge * tap + edge] = 255
    text = refused(stores, state, 1, **options)
    assert '1 of 12 samples are damaged' in text and 'NaN' in text
    state['seen'][1] = 0
    stores.resumed(state, 1, **options)


def test_marks_that_are_no_marks_are_refused(stores, tmp_path):
    store = stores.store()
    stores.epoch(store, 1)
    state = saved(store, tmp_path)
    state['seen'][3] = 2
    assert '1 of 12 samples are damaged' in refused(stores, state, 1)


def _ledger(path) -> list:
    """What is said about the files of a store."""
    return json.loads((path / 'store.node0.json').read_text())
