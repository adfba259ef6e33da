# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What measured numbers share: buffers that keep their precision, and rows."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from dynkd.models.schedules import (
    Measured,
    finite_row,
    mean_over_processes,
    names_measured,
)
from dynkd.models.transfers import BalancedWeight


class Number(Measured):
    def __init__(self):
        super().__init__()
        self.register_buffer('value', torch.tensor([1 / 3]))
        self.register_buffer('count', torch.tensor(2))
        self.register_buffer('nothing', None)
        self.layer = nn.Linear(1, 1)


@pytest.mark.parametrize('cast', ['half', 'bfloat16', 'double'])
def test_buffers_keep_their_precision_and_move(cast):
    number = Number()
    getattr(number, cast)()
    assert number.layer.weight.dtype != torch.float32
    assert number.value.dtype == torch.float32 and number.count.dtype == torch.long
    assert torch.equal(number.value, torch.tensor([1 / 3]))
    number.to('meta')
    assert number.value.device.type == number.layer.weight.device.type == 'meta'


@given(st.lists(st.floats(width=32), min_size=1, max_size=4))
def test_a_row_is_all_there_or_all_zero(terms):
    row = finite_row(torch.tensor(terms))
    whole = all(map(math.isfinite, terms))
    assert row.tolist() == [*terms, 1.0] if whole else not row.any()


def test_alone_the_mean_is_the_row_itself():
    row = torch.tensor([3.0, 4.0, 1.0])
    found = mean_over_processes(row)
    assert torch.equal(found, row) and found is not row
    assert not mean_over_processes(torch.zeros(3)).any()


@pytest.mark.parametrize('kind', ['BalancedWeight', 'dynkd.BalancedWeight'])
def test_names(kind):
    assert names_measured(dict(type=kind), BalancedWeight, 'x', '')
    assert names_measured(dict(type=BalancedWeight), BalancedWeight, 'x', '')
    schedule = dict(type='LinearSchedule', start=0, stop=1)
    assert not names_measured(schedule, BalancedWeight, 'x', '')


def test_another_measurement_is_not_one_of_this_kind():
    message = r"x names 'CKARatio', which is neither a measurement \(y\) nor a schedule"
    with pytest.raises(ValueError, match=message):
        names_measured(dict(type='CKARatio'), BalancedWeight, 'x', 'y')
