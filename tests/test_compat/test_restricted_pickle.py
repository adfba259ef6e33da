# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the unpickler of checkpoints builds, and what it refuses, pickle by pickle."""

import codecs
import io
import os
import pickle
from collections import Counter, OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

from dynkd.compat.restricted_pickle import UnpermittedError, Unpickler
from dynkd.compat.safe_globals import permitted_names
from dynkd.compat.safe_tensors import Stored

F8 = np.dtype('f8')
_reconstruct = np.zeros(1).__reduce__()[0]
_scalar = np.float64(1).__reduce__()[0]


class Reduced:
    """Pickles as a call, after which a state may be set."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced

    def __reduce__(self) -> tuple:
        return self.reduced


class Point:
    """A class of the user's, without a method for its state."""


class Counted:
    """A class of the user's that sets its state itself."""

    def __setstate__(self, state: dict) -> None:
        self.count = state['count'] + 1


def array(*state: Any) -> Reduced:
    """An array as NumPy describes it, of any state."""
    return Reduced(_reconstruct, (np.ndarray, (0,), b'b'), state)


def history(**changes: Any) -> HistoryBuffer:
    """A buffer in which something is not as it should be."""
    buffer = HistoryBuffer([1.0, 2.0], [1, 1])
    vars(buffer).update(changes)
    return buffer


def read(data: Any) -> Any:
    """Read a pickle, of bytes or of what is pickled first, as torch does."""
    data = data if isinstance(data, bytes) else pickle.dumps(data, 2)
    names = permitted_names(len(data))
    return Unpickler(io.BytesIO(data), len(data), names).load()


@pytest.mark.parametrize(
    'value',
    [
        1 + 2j,
        b'',
        b'\xff\x00',
        bytearray(b'ab'),
        {1, 2},
        Counter('aab'),
        OrderedDict(a=1),
        ConfigDict(a=dict(b=1)),
    ],
)
def test_plain_values_come_through(value):
    found = read([value])[0]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    'value',
    [
        np.arange(6, dtype='>i4').reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(['ab', 'ü']),
        np.array([], '<U3'),
        np.float32(1.5),
    ],
)
def test_numbers_and_text_of_numpy_come_through(value):
    # Twice, so that the second is a reference to what was finished.
    first, second = read([value, value])
    assert first is second or np.isscalar(value)
    np.testing.assert_array_equal(first, value)
    assert np.asarray(first).dtype.isnative


def test_a_buffer_comes_through():
    found = read(history())
    assert found.mean() == 1.5 and found.min() == 1.0


def test_of_an_ordered_dictionarys_attributes_only_metadata_stay():
    state = OrderedDict(a=1)
    state._metadata, state.other = dict(version=1), 2
    assert vars(read(state)) == dict(_metadata=dict(version=1))
    del state._metadata
    assert vars(read(state)) == {}


def test_classes_that_the_user_permits_come_through():
    point, counted = Point(), Counted()
    point.x, counted.count = 1, 1
    with pytest.raises(UnpermittedError, match='Point'):
        read(point)
    with torch.serialization.safe_globals([Point, Counted]):
        assert vars(read(point)) == dict(x=1)
        assert read(counted).count == 2


def test_what_torch_and_libraries_permit_is_not_the_users():
    with torch.serialization.safe_globals([np.load, os.system]):
        with pytest.raises(UnpermittedError, match='numpy.load'):
            read(Reduced(np.load, ('x.npy',)))


@pytest.mark.parametrize(
    ('value', 'wanted'),
    [
        (Reduced(os.system, ('true',)), 'posix.system'),
        (Reduced(HistoryBuffer, ()), 'HistoryBuffer'),
        (Reduced(getattr, (HistoryBuffer, 'update')), r"HistoryBuffer, 'update'\)"),
        (Reduced(getattr, ('text', 'join')), r"getattr\(<class 'str'>, 'join'\)"),
        (Reduced(codecs.encode, ('x', 'utf8')), 'anything but latin1'),
        (Reduced(set, ({1: 2},)), 'set of anything but a list'),
        (Reduced(Counter, ([1],)), 'Counter of anything but'),
        (Reduced(OrderedDict, ([(1, 2, 3)],)), 'OrderedDict of anything but pairs'),
        (Reduced(ConfigDict, ([1],)), 'ConfigDict of anything but'),
        (Reduced(Counter, ({},), dict(a=1)), 'the state of Counter'),
        (history(_log_history='x'), 'anything but numbers'),
        (history(_count_history=np.ones(3)), 'anything but numbers'),
        (history(max_length=0), 'anything but numbers'),
        (Reduced(np.dtype, ('O', False, True)), r"numpy.dtype\('O'\)"),
        (Reduced(np.dtype, ('S8',), (3,)), 'with fields'),
        (
            Reduced(np.dtype, ('S8',), (3, '|', None, ('a',), {}, 8, 1, 0)),
            'with fields',
        ),
        (array(1), 'an unknown description'),
        (array(1, (1,), F8, False, [1.0]), 'an array of objects'),
        (array(1, (1,), 'f8', False, b'x' * 8), 'an array of objects'),
        (array(1, [1], F8, False, b'x' * 8), 'an array of no shape'),
        (array(1, (-1,), F8, False, b''), 'an array of no shape'),
        (array(1, (2,), F8, False, b'x' * 8), 'not of the size of its bytes'),
        (array(1, (1,), np.dtype('<U1'), False, b'\xff' * 4), 'text of no characters'),
        (Reduced(_reconstruct, (HistoryBuffer, (0,), b'b')), 'a class of its own'),
        (Reduced(_scalar, (F8, 1)), 'numpy.scalar of an object'),
        # By hand: a value appended to a dictionary, an item set in a list, and a
        # function made as if it were a class.
        (b'\x80\x02}K\x01a.', 'append of dict'),
        (b'\x80\x02]K\x01K\x02s.', 'items of list'),
        (b'\x80\x02c__builtin__\ngetattr\n)\x81.', 'builtins.getattr'),
    ],
)
def test_the_rest_is_refused_by_name(value, wanted):
    with pytest.raises(UnpermittedError, match=wanted):
        read(value)


@pytest.mark.parametrize(
    ('data', 'message'),
    [
        (b'\x80\x02(ios\nsystem\n.', 'not a pickle of a checkpoint'),
        (b'\x80\x02c' + b'a' * 2000, 'not a pickle of a checkpoint'),
        (b'\x80\x02K\x01Q.', 'refers to a missing part'),
        (b'\x80\x02X\xff\xff\xff\x0fab', 'cut short'),
    ],
)
def test_what_is_not_a_pickle_of_a_checkpoint(data, message):
    with pytest.raises((pickle.UnpicklingError, EOFError), match=message):
        read(data)


def test_copies_of_the_same_bytes_are_counted():
    data = np.zeros(2**18)
    names = permitted_names(0)
    with pytest.raises(pickle.UnpicklingError, match='larger than the file'):
        text = pickle.dumps([data], 2)
        Unpickler(io.BytesIO(text), len(text), names).load()


def test_what_a_tensor_is_made_of_has_no_state():
    data = b'\x80\x02K\x01Q}b.'
    stored = Stored(torch.UntypedStorage(4), torch.float32, 1)
    unpickler = Unpickler(io.BytesIO(data), len(data), {}, lambda pid: stored)
    with pytest.raises(UnpermittedError, match='the state of torch.storage'):
        unpickler.load()
