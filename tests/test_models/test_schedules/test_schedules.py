# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmengine.registry import DefaultScope

from dynkd.models.schedules import Progress
from dynkd.registry import SCHEDULES

numbers = st.floats(-1e3, 1e3)
counts = st.integers(0, 500)


def schedule(kind: str, **cfg):
    return SCHEDULES.build(dict(type=kind, **cfg))


@given(value=numbers, epoch=counts)
def test_constant(value, epoch):
    assert schedule('ConstantSchedule', value=value)(Progress(epoch=epoch)) == value


@pytest.mark.parametrize(
    ('epoch', 'linear', 'cosine'),
    [
        (0, 1.0, 1.0),
        (2, 1.0, 1.0),
        (4, 2.0, 1 + 2 * (1 - math.cos(math.pi / 4))),
        (6, 3.0, 3.0),
        (10, 5.0, 5.0),
        (99, 5.0, 5.0),
    ],
)
def test_ramps(epoch, linear, cosine):
    cfg = dict(start=1.0, stop=5.0, begin=2, end=10)
    progress = Progress(epoch=epoch, iter=10**6)
    assert schedule('LinearSchedule', **cfg)(progress) == pytest.approx(linear)
    assert schedule('CosineSchedule', **cfg)(progress) == pytest.approx(cosine)


@given(
    kind=st.sampled_from(['LinearSchedule', 'CosineSchedule']),
    start=numbers,
    stop=numbers,
    begin=counts,
    length=st.integers(1, 500),
    epoch=counts,
)
def test_ramps_stay_between_their_ends(kind, start, stop, begin, length, epoch):
    ramp = schedule(kind, start=start, stop=stop, begin=begin, end=begin + length)
    here, later = (ramp(Progress(epoch=e)) for e in (epoch, epoch + 1))
    slack = 1e-9 * (1 + abs(start) + abs(stop))
    low, high = sorted((start, stop))
    assert low - slack <= here <= high + slack
    # One direction all the way.
    assert (later - here) * (stop - start) >= -slack * (1 + abs(stop - start))


def test_ramp_without_end_reaches_stop_in_the_last_epoch():
    by_epoch = schedule('LinearSchedule', start=0.0, stop=1.0)
    values = [by_epoch(Progress(epoch=e, max_epochs=5)) for e in range(5)]
    assert values == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    by_iter = schedule('LinearSchedule', start=0.0, stop=1.0, by_epoch=False)
    progress = Progress(epoch=0, iter=50, max_epochs=1, max_iters=101)
    assert by_iter(progress) == pytest.approx(0.5)
    # A training of one epoch.
    assert by_epoch(Progress(epoch=0, max_epochs=1)) == 0


@given(low=st.floats(0, 1), high=st.floats(0, 1), total=st.integers(1, 300))
def test_ramps_that_count_epochs_from_1(low, high, total):
    """Eq. 7 of DTSKD: t runs from 1 to t_total, in the epochs 0 to t_total - 1."""
    cfg = dict(start=high, stop=low, begin=-1)
    cosine = schedule('CosineSchedule', **cfg)
    linear = schedule('LinearSchedule', **cfg)
    for t in range(1, total + 1):
        now = Progress(epoch=t - 1, max_epochs=total)
        decayed = low + (high - low) * 0.5 * (1 + math.cos(t / total * math.pi))
        assert cosine(now) == pytest.approx(decayed, abs=1e-12)
        assert linear(now) == pytest.approx(high - (high - low) * t / total, abs=1e-12)


def test_ramps_that_count_iterations_from_1():
    ramp = schedule('LinearSchedule', start=0.0, stop=1.0, begin=-1, by_epoch=False)
    values = [ramp(Progress(epoch=0, iter=i, max_iters=4)) for i in range(4)]
    assert values == pytest.approx([0.25, 0.5, 0.75, 1])


def test_ramp_without_end_and_without_runner():
    with pytest.raises(RuntimeError, match='LinearSchedule has no `end`.*Give it'):
        schedule('LinearSchedule', start=0.0, stop=1.0)(Progress())


@given(start=numbers, gamma=st.floats(0.5, 1.0), begin=counts, epoch=counts)
def test_exponential(start, gamma, begin, epoch):
    decay = schedule('ExponentialSchedule', start=start, gamma=gamma, begin=begin)
    expected = start * gamma ** max(epoch - begin, 0)
    assert decay(Progress(epoch=epoch)) == pytest.approx(expected, abs=1e-300)


def test_step():
    steps = schedule('StepSchedule', values=[3.0, 2.0, 1.0], milestones=[4, 8])
    assert [steps(Progress(epoch=e)) for e in (0, 3, 4, 7, 8, 80)] == [3, 3, 2, 2, 1, 1]


@given(milestones=st.sets(counts, max_size=6), epoch=counts)
def test_step_takes_the_value_of_the_last_milestone(milestones, epoch):
    milestones = sorted(milestones)
    values = [float(i) for i in range(len(milestones) + 1)]
    steps = schedule('StepSchedule', values=values, milestones=milestones)
    passed = [m for m in milestones if m <= epoch]
    assert steps(Progress(epoch=epoch)) == len(passed)


def test_by_iteration():
    cfg = dict(start=0.0, stop=1.0, end=10, by_epoch=False)
    assert schedule('LinearSchedule', **cfg)(Progress(epoch=10, iter=5)) == 0.5


@pytest.mark.parametrize(
    ('kind', 'cfg', 'message'),
    [
        (
            'LinearSchedule',
            dict(start=0, stop=1, begin=5, end=5),
            r'`end` \(5\) must be greater than',
        ),
        ('CosineSchedule', dict(start=0, stop=1, begin=-2), r'negative \(-2\).* -1'),
        ('LinearSchedule', dict(start=0, stop=1, begin=-9), r'negative \(-9\).* -1'),
        (
            'ExponentialSchedule',
            dict(start=1, gamma=0.5, begin=-1),
            r'negative \(-1\).* 0',
        ),
        (
            'LinearSchedule',
            dict(start=0, stop=1, begin=-1, end=-1),
            'must be greater than',
        ),
        ('StepSchedule', dict(values=[1.0], milestones=[3]), 'needs 2 values, not 1'),
        ('StepSchedule', dict(values=[1, 2, 3], milestones=[3, 3]), 'must increase'),
        ('StepSchedule', dict(values=[1, 2, 3], milestones=[5, 3]), 'must increase'),
    ],
)
def test_errors(kind, cfg, message):
    with pytest.raises(ValueError, match=message):
        schedule(kind, **cfg)


def test_progress_of_the_runner(progress):
    assert Progress.current() == Progress(0, 0, None, None)
    progress(epoch=3, iter=70, max_epochs=12, max_iters=280)
    assert Progress.current() == Progress(3, 70, 12, 280)


def test_found_in_any_scope():
    DefaultScope.get_instance('run', scope_name='mmdet')
    built = SCHEDULES.build(dict(type='dynkd.ConstantSchedule', value=2.0))
    assert built(Progress()) == 2
