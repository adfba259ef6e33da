# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a config says is checked against the annotations of what it builds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Callable, Optional, Union

import numpy as np
import pytest
from mmengine.config import ConfigDict

from dynkd.registry import CheckedRegistry
from dynkd.utils import at, check_field, checked, suggestion
from dynkd.utils.annotations import find_fault
from dynkd.utils.kinds import (
    Count,
    Index,
    Positive,
    Probability,
    ScheduledWeight,
    Temperature,
    Text,
    Weight,
)


@checked
class Part:
    def __init__(
        self,
        size: Count,
        weight: ScheduledWeight = 1.0,
        exact: bool = False,
        odd: int = None,  # a default is permitted whatever its annotation
        free=None,
    ) -> None:
        self.size = size


@checked
class Whole:
    def __init__(self, part: dict[str, Any], place: bool = True) -> None:
        if place:
            with at('part'):
                self.part = Part(**part)
        else:
            self.part = Part(**part)


class Fine(Part):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)


@pytest.mark.parametrize(
    ('value', 'annotation'),
    [
        (1, float),
        (np.float32(0.5), float),
        (np.int64(3), int),
        (True, bool),
        (0, Weight),
        (1, Probability),
        (0, Index),
        (4.0, Temperature),
        ('x', Text),
        (None, Optional[Count]),
        (dict(type='LinearSchedule'), ScheduledWeight),
        (ConfigDict(a=1), dict[str, int]),
        ([3, 4], tuple[int, ...]),
        ((3, 4), list[int]),
        ((), Sequence[int]),
        ([1, 2], tuple[int, int]),
        (dict(_scope_='mmdet', a=1), Mapping[str, int]),
        (len, Callable[..., Any]),
        (object(), Any),
        (3, 'a forward reference'),
    ],
)
def test_what_fits(value, annotation):
    assert find_fault(value, annotation) is None


@pytest.mark.parametrize(
    ('value', 'annotation', 'message'),
    [
        ('1', float, 'must be a number'),
        (True, float, 'must be a number'),
        (math.nan, float, 'must be finite'),
        (-math.inf, float, 'must be finite'),
        (1.0, int, 'must be an integer'),
        (True, int, 'must be an integer'),
        ('False', bool, 'must be True or False'),
        (1, bool, 'must be True or False'),
        (5, str, 'must be a string'),
        ('', Text, 'must not be empty'),
        (None, Count, 'must be an integer'),
        (3, None, 'must be None'),
        (-0.1, Weight, 'must not be negative'),
        (0.0, Positive, 'must be positive'),
        (0, Count, 'must be at least 1'),
        (1.5, Probability, r'must lie in \[0, 1\]'),
        (1e-30, Temperature, r'must lie in \[0.001, 10000\]'),
        (math.nan, Union[int, float], 'must be finite'),
        ('x', Optional[Union[int, dict]], 'must be an integer or a dict'),
        ('abc', Sequence[str], 'must be a list'),
        (dict(), list, 'must be a list'),
        ([1], dict, 'must be a dict'),
        ([1, 2, 3], tuple[int, int], 'must have 2 items'),
        (3, Callable[..., Any], 'must be a function'),
        ('x', Part, 'must be a Part'),
    ],
)
def test_what_does_not(value, annotation, message):
    with pytest.raises((TypeError, ValueError), match=f'^owner: `name` {message}'):
        check_field(value, annotation, 'name', 'owner')


@pytest.mark.parametrize(
    ('value', 'annotation', 'part'),
    [
        ([1, 'x'], Sequence[int], r'\[1\]'),
        (dict(a=dict(b=-1)), dict[str, dict[str, Weight]], r'\.a\.b'),
        ([1, math.nan], Union[float, Sequence[float]], r'\[1\]'),
    ],
)
def test_the_part_that_is_wrong_is_named(value, annotation, part):
    with pytest.raises((TypeError, ValueError), match=f'^`x{part}` must'):
        check_field(value, annotation, 'x')


def test_long_values_are_cut():
    with pytest.raises(TypeError) as error:
        check_field('x' * 500, int, 'name')
    assert len(str(error.value)) < 120


def test_a_constructor_is_checked():
    assert Part(3).size == Part(size=3, odd=None, free='anything').size
    for wrong in (dict(size=0), dict(size=1, weight=math.nan), dict(size=1, exact=1)):
        with pytest.raises((TypeError, ValueError), match='^Part: `'):
            Part(**wrong)
    with pytest.raises(ValueError, match='^Part: `size` must be at least 1, got 0.$'):
        Part(0)


def test_names_of_fields():
    with pytest.raises(TypeError, match='no field `weigh`. Did you mean `weight`'):
        Part(3, weigh=1.0)
    with pytest.raises(TypeError, match='Part needs the field `size`'):
        Part(weight=1.0)
    assert Fine(size=2).size == 2
    with pytest.raises(ValueError, match='^Fine: `size`'):
        Fine(size=-2)
    assert suggestion('zzz', ['weight']) == ''


def test_the_place_in_the_config():
    with at('transfers', 'loss_kd'):
        with pytest.raises(ValueError, match='^`transfers.loss_kd.part.size` must'):
            Whole(dict(size=0))
        with pytest.raises(TypeError, match='^`transfers.loss_kd.part` must be a dict'):
            Whole([])
        # Whoever does not say where a part stands does not say where it stands wrongly.
        with pytest.raises(ValueError, match='^Part: `size`'):
            Whole(dict(size=0), place=False)
        with pytest.raises(TypeError, match='^`transfers.loss_kd`: Whole has no field'):
            Whole(dict(size=1), prt=1)
    with pytest.raises(ValueError, match='^`part.size`'):
        Whole(dict(size=0))


def test_checked_once_and_only_of_one_package():
    init = Part.__init__
    assert checked(Part).__init__ is init

    class Foreign(dict):
        pass

    assert checked(Foreign).__init__ is dict.__init__


def test_what_is_registered_is_checked():
    registry = CheckedRegistry('part', scope='dynkd')

    @registry.register_module()
    class Registered:
        def __init__(self, rate: Positive = 1.0) -> None:
            self.rate = rate

    @registry.register_module()
    def make(rate: Positive) -> float:
        return rate

    assert registry.build(dict(type='Registered', rate=2)).rate == 2
    with pytest.raises(ValueError, match='`rate` must be positive, got 0'):
        registry.build(dict(type='Registered', rate=0))
    assert registry.get('make') is make
