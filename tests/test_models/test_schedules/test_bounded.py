# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynkd.models.schedules import BoundedSchedule, Progress, Schedule
from dynkd.registry import SCHEDULES


@given(number=st.floats(-1, 3), low_open=st.booleans())
def test_numbers(number, low_open):
    inside = (0.5 < number if low_open else 0.5 <= number) and number <= 2
    if inside:
        bounded = BoundedSchedule(number, 'x', 0.5, 2.0, low_open)
        assert bounded(Progress(epoch=7)) == number
    else:
        bracket = r'\(' if low_open else r'\['
        with pytest.raises(ValueError, match=rf'^x must be .* in {bracket}0.5, 2\]'):
            BoundedSchedule(number, 'x', 0.5, 2.0, low_open)


@pytest.mark.parametrize('low_open', [False, True])
def test_ends(low_open):
    for number, inside in ((0.0, not low_open), (1.0, True)):
        if inside:
            assert BoundedSchedule(number, 'x', low_open=low_open)(Progress()) == number
        else:
            with pytest.raises(ValueError, match='got 0.0'):
                BoundedSchedule(number, 'x', low_open=low_open)


def test_schedules():
    cfg = dict(type='StepSchedule', values=[0.25, 0.5], milestones=[3])
    bounded = BoundedSchedule(cfg, 'x')
    assert [bounded(Progress(epoch=e)) for e in (2, 3)] == [0.25, 0.5]
    assert cfg['type'] == 'StepSchedule'
    with pytest.raises(ValueError, match=r'`values` of StepSchedule\).*got 1.5'):
        BoundedSchedule(dict(cfg, values=[0.25, 1.5]), 'x')


class Doubling(Schedule):
    """A schedule of one's own, whose way nobody can foresee."""

    def value(self, since, progress):
        return 0.5 * 2**since


def test_a_schedule_that_leaves_the_range():
    SCHEDULES.register_module(name='Doubling', module=Doubling, force=True)
    try:
        bounded = BoundedSchedule(dict(type='Doubling'), 'x')
    finally:
        SCHEDULES.module_dict.pop('Doubling')
    assert bounded(Progress(epoch=1)) == 1
    with pytest.raises(ValueError, match='x must be .* got 2.0'):
        bounded(Progress(epoch=2))


@pytest.mark.parametrize('gamma', [1.001, 2, 0, -0.5])
def test_an_exponential_that_would_leave_the_range(gamma):
    cfg = dict(type='ExponentialSchedule', start=0.5, gamma=gamma)
    with pytest.raises(ValueError, match=f'^x: `gamma` of Expo.* got {gamma!r}$'):
        BoundedSchedule(cfg, 'x')


@given(gamma=st.floats(0.1, 1), epoch=st.integers(0, 200))
def test_an_exponential_that_stays(gamma, epoch):
    cfg = dict(type='ExponentialSchedule', start=1.0, gamma=gamma)
    bounded = BoundedSchedule(cfg, 'x', low_open=True)
    assert bounded(Progress(epoch=epoch)) == gamma**epoch


def test_strings_in_a_schedule():
    cfg = dict(type='LinearSchedule', start='0.1', stop=1.0)
    with pytest.raises(TypeError, match="`start` must be a number, got '0.1'"):
        BoundedSchedule(cfg, 'x')


@pytest.mark.parametrize('number', [None, '1', [0.5]])
def test_what_is_no_number(number):
    with pytest.raises(ValueError, match='must be a number'):
        BoundedSchedule(number, 'x')
