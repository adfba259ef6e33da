# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
from torch import nn

from dynkd.models.taps import find_module


@pytest.fixture
def model():
    return nn.ModuleDict(
        dict(backbone=nn.Sequential(nn.Linear(2, 2), nn.ReLU()), head=nn.Linear(2, 2))
    )


def test_finds_it(model):
    assert find_module(model, 'backbone.1', 'somebody') is model['backbone'][1]


@pytest.mark.parametrize(
    ('name', 'near'),
    [
        ('backbone.3', 'backbone.*backbone.0'),
        ('hed', 'head'),
        ('§§§', 'backbone, head'),
    ],
)
def test_names_the_nearest(model, name, near):
    message = (
        rf'somebody \(ModuleDict\) has no module `{name}`. The nearest are: {near}'
    )
    with pytest.raises(ValueError, match=message):
        find_module(model, name, 'somebody')
