# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Pairs that do not hold are refused, and the message says why."""

import pytest
import torch
from torch import nn

from dynkd.models.methods.iakd import Pair, check_pairs

SHAPE = (3, 32, 32)
L = 'backbone.layer'


def check(student, teacher, *pairs) -> None:
    check_pairs([Pair(*map(tuple, pair)) for pair in pairs], student, teacher, SHAPE)


class Picky(nn.Module):
    """A module for something other than a tensor."""

    def forward(self, given):
        return given.no_such_thing


def test_pairs_that_hold(thin):
    check(
        thin(20),
        thin(26),
        ([f'{L}1.0', f'{L}1.1'], [f'{L}1.3']),
        ([f'{L}2.0'], [f'{L}2.0', f'{L}2.1']),
    )


@pytest.mark.parametrize(
    ('student', 'teacher', 'shapes'),
    [
        # Runs, and gives another shape: fewer, or larger maps.
        ([f'{L}1.1'], [f'{L}1.1', f'{L}2.0'], [(4, 32, 32), (4, 32, 32), (8, 16, 16)]),
        ([f'{L}2.0'], [f'{L}1.1'], [(4, 32, 32), (8, 16, 16), (4, 32, 32)]),
        # Does not run.
        ([f'{L}2.1'], [f'{L}1.1'], [(8, 16, 16), (8, 16, 16)]),
    ],
)
def test_shapes(thin, student, teacher, shapes):
    with pytest.raises(ValueError, match=f'pair `{student[0]} <- ') as error:
        check(thin(20), thin(20), (student, teacher))
    text = str(error.value)
    for shape in shapes:
        assert str(shape) in text
        text = text.replace(str(shape), '', 1)


@pytest.mark.parametrize(
    ('pairs', 'message'),
    [
        ([(['backbone.layr1.0'], [f'{L}1.0'])], 'student.*no module.*backbone.layer1'),
        ([([f'{L}1.0'], [f'{L}1.9'])], r'teacher.*no module.*backbone.layer1.0'),
        ([([f'{L}1.0'], [f'{L}1.0'])] * 2, 'layer1.0` and `backbone.layer1.0`'),
        (
            [([f'{L}1.0'], [f'{L}1.0']), ([f'{L}1'], [f'{L}1'])],
            'one contains the other',
        ),
        (
            [([f'{L}1.0', f'{L}1.2'], [f'{L}1.0'])],
            'layer1.2` of the student does not receive the output of '
            '`backbone.layer1.0`',
        ),
        ([(['head'], ['head'])], 'does not run when features'),
        ([(['backbone'], ['backbone'])], 'must receive one tensor and return one'),
        (
            [(['backbone.conv1'], ['backbone', 'backbone.bn1'])],
            '`backbone` of the teacher returns a tuple, not one tensor',
        ),
        (
            [([f'{L}1.0'], [f'{L}1.0', 'neck'])],
            "`neck` of the teacher.*'no_such_thing'",
        ),
    ],
)
def test_names(thin, pairs, message):
    models = thin(20), thin(20)
    for model in models:
        model.head = nn.Linear(1, 1)
        model.neck = Picky()
    with pytest.raises(ValueError, match=message):
        check(*models, *pairs)


def test_a_layer_s_neighbours_are_not_inside_of_it(thin):
    """`layer1.10` does not lie in `layer1.1`."""
    deep = thin(74)
    pairs = [([f'{L}1.{n}'], [f'{L}1.{n}']) for n in (1, 10)]
    check(deep, deep, *pairs)


def test_checking_changes_nothing(thin):
    """Of models that are trained, too."""
    models = thin(20).train(), thin(26).train()
    before = [{k: v.clone() for k, v in m.state_dict().items()} for m in models]
    check(*models, ([f'{L}1.1'], [f'{L}1.1', f'{L}1.2']))
    for model, state in zip(models, before):
        assert all(torch.equal(model.state_dict()[k], v) for k, v in state.items())
        assert not any(module._forward_hooks for module in model.modules())
        assert all(module.training for module in model.modules())
