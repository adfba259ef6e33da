# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch

from dynkd.models.methods.dpk.cka import cka, cka_of_terms, position_terms
from dynkd.models.methods.dpk.mask_ratio import build_ratio
from dynkd.models.schedules import Progress

SIDES = [torch.randn(6, 3, 2, 2), torch.randn(6, 4, 2, 2)]


def at(ratio, progress, **infos):
    """The ratio at a point of the training."""
    progress(**infos)
    return ratio(*SIDES).item()


def test_a_number(progress):
    ratio = build_ratio(0.55)
    assert at(ratio, progress) == pytest.approx(0.55)
    assert at(ratio, progress, epoch=7) == pytest.approx(0.55)


def test_exponential_decay_of_table_6(progress):
    ratio = build_ratio(dict(type='ExponentialSchedule', start=1.0, gamma=0.95))
    for epoch in (0, 1, 50):
        assert at(ratio, progress, epoch=epoch) == pytest.approx(0.95**epoch)


def test_linear_decay_of_table_6(progress):
    ratio = build_ratio(dict(type='LinearSchedule', start=1.0, stop=0.05))
    found = [at(ratio, progress, epoch=e, max_epochs=20) for e in (0, 1, 10, 19)]
    assert found == pytest.approx([1 - 0.95 * e / 19 for e in (0, 1, 10, 19)])


def test_schedule_without_a_runner():
    # A model in its dry run does not know how long it will be trained.
    ratio = build_ratio(dict(type='LinearSchedule', start=0.9, stop=0.05)).eval()
    assert ratio(*SIDES, Progress.beginning()).item() == pytest.approx(0.9)


def test_similarity_is_measured_for_the_log():
    ratio = build_ratio(0.5)
    ratio(*SIDES)
    assert set(ratio.stats) == {'cka', 'ratio'}
    assert ratio.stats['cka'] == pytest.approx(cka(*SIDES).item(), abs=1e-6)


def test_similarity_of_few_images_is_that_of_their_positions():
    ratio = build_ratio(0.5)
    few = [side[:2] for side in SIDES]
    ratio(*few)
    expected = cka_of_terms(position_terms(few[1], few[0])[None]).item()
    assert ratio.stats['cka'] == pytest.approx(expected, abs=1e-6)
    # Too few of either.
    ratio(*(side[:3, :, :1, :1] for side in SIDES))
    assert set(ratio.stats) == {'ratio'}


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (1.5, r'must be a number in \[0, 1\].* got 1.5'),
        ('half', "must be a number .* got 'half'"),
        (dict(type='LinearSchedule', start=1.0, stop=-1.0), '`stop` of LinearSchedule'),
        (dict(type='CKA'), "'CKA', which is neither a measurement"),
        (dict(type='ChannelAligner'), "'ChannelAligner', which is neither"),
    ],
)
def test_what_is_no_ratio(cfg, message):
    with pytest.raises(ValueError, match=message):
        build_ratio(cfg)


def test_a_schedule_that_leaves_the_range():
    with pytest.raises(ValueError, match='PriorKnowledge: ratio: `gamma` of .*1.1'):
        build_ratio(dict(type='ExponentialSchedule', start=0.9, gamma=1.1))
