# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dynkd.models.schedules import Progress, ReviewSchedule
from dynkd.registry import SCHEDULES


def at(epoch: int, drops=(100, 150), total=200, name='student', **kwargs) -> Progress:
    return Progress(
        epoch=epoch, max_epochs=total, lr_drops={name: tuple(drops)}, **kwargs
    )


def test_figure_3c():
    """The paper's 200 epochs with drops at 100 and 150."""
    review = SCHEDULES.build(dict(type='ReviewSchedule', start=0.1))
    for first, last in ((0, 99), (100, 149), (150, 199)):
        values = [review(at(epoch)) for epoch in range(first, last + 1)]
        assert values[0] == 0.1
        assert values[-1] == 1
        steps = [b - a for a, b in zip(values, values[1:])]
        assert steps == pytest.approx([0.9 / (last - first)] * len(steps))


@given(
    start=st.floats(0, 1),
    stop=st.floats(0, 1),
    drops=st.sets(st.integers(1, 59), max_size=8),
)
def test_every_interval_is_a_ramp(start, stop, drops):
    review = ReviewSchedule(start, stop)
    bounds = [0, *sorted(drops), 60]
    for begin, end in zip(bounds, bounds[1:]):
        for epoch in range(begin, end):
            share = (epoch - begin) / (end - begin - 1) if end - begin > 1 else 0
            found = review(at(epoch, sorted(drops), 60))
            assert found == pytest.approx(start + (stop - start) * share)


def test_without_drops_it_is_linear_growth():
    review = ReviewSchedule(0.5)
    assert [review(at(epoch, (), 3)) for epoch in range(4)] == [0.5, 0.75, 1, 1]


def test_by_iteration():
    progress = Progress(
        iter=12, max_iters=15, max_epochs=1, by_epoch=False, lr_drops={'': (10,)}
    )
    assert ReviewSchedule(0.0)(progress) == 0.5


def test_the_stream_s_own_learning_rate_counts():
    drops = dict(student=(2,), teacher=(3,))
    progress = Progress(epoch=2, max_epochs=6, lr_drops=drops)
    assert ReviewSchedule(0.0)(progress) == 0
    assert ReviewSchedule(0.0, stream='teacher')(progress) == 1
    # One optimizer for all.
    assert ReviewSchedule(0.0, stream='teacher')(at(2, (2,), 6, name='')) == 0


def test_without_the_hook():
    with pytest.raises(RuntimeError, match='custom_hooks') as error:
        ReviewSchedule(0.1)(Progress(epoch=1, max_epochs=3))
    assert "dict(type='dynkd.LearningRateHook')" in str(error.value)


def test_without_a_runner():
    with pytest.raises(RuntimeError, match='how long'):
        ReviewSchedule(0.1)(Progress(lr_drops={'': ()}))


@pytest.mark.parametrize('name', ['student', ''])
def test_without_steps(name):
    progress = Progress(
        max_epochs=3, lr_drops={}, lr_without_steps={name: 'Cosine slides.'}
    )
    with pytest.raises(ValueError, match='but Cosine slides. Use a `MultiStepLR`'):
        ReviewSchedule(0.1)(progress)


def test_unknown_stream():
    with pytest.raises(ValueError, match='`pupil` has no.*student'):
        ReviewSchedule(0.1, stream='pupil')(at(0))


@pytest.mark.parametrize('stream', ['student', 'assistant'])
def test_a_dry_run_has_its_start(stream):
    review = ReviewSchedule(0.3, stream=stream)
    assert review(Progress.beginning()) == 0.3
