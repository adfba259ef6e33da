# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import copy
import gc
import pickle
import weakref

import pytest
import torch
import torch.nn as nn

from dynkd.models.taps import Tap, TapError, collect, record


class Levels(nn.Module):
    """A head that runs its convolution over three levels."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 2, 1)
        self.idle = nn.Identity()

    def forward(self, x):
        return [(self.conv(x * i), 'text') for i in range(3)]


@pytest.mark.parametrize(
    ('text', 'stream', 'module', 'indices'),
    [
        ('student.neck', 'student', 'neck', ()),
        ('student.neck[2]', 'student', 'neck', (2,)),
        ('t1.branches.0.fc', 't1', 'branches.0.fc', ()),
        ('t.head[0][-1]', 't', 'head', (0, -1)),
        ('t.layer1.0[10]', 't', 'layer1.0', (10,)),
    ],
)
def test_parse_and_write_are_inverse(text, stream, module, indices):
    tap = Tap.parse(text)
    assert tap == Tap(stream, module, indices)
    assert str(tap) == text


@pytest.mark.parametrize(
    'text', ['student', '', 'student.', '.neck', 'a.b[x]', 'a.b[0', 'a.b[0].c', 3, None]
)
def test_malformed(text):
    with pytest.raises(ValueError, match=r'is not a tap.*student\.neck\[2\]'):
        Tap.parse(text)


def test_find_names_the_nearest():
    model = nn.ModuleDict(dict(backbone=nn.Identity(), neck=nn.Identity()))
    assert Tap('s', 'neck').find(model) is model['neck']
    with pytest.raises(ValueError, match=r'no module `nek`.*nearest are: neck') as info:
        Tap('s', 'nek').find(model)
    assert '`s.nek`' in str(info.value)
    with pytest.raises(ValueError, match='backbone, neck'):
        Tap('s', 'zzzzzz').find(model)


def test_find_refuses_attributes_that_are_no_modules():
    with pytest.raises(ValueError, match='no module'):
        Tap('s', 'conv.weight').find(Levels())


def test_select():
    output = ((1, 2), [3, 4])
    assert Tap.parse('s.m[1][0]').select(output) == 3
    assert Tap.parse('s.m[-2][-1]').select(output) == 2
    with pytest.raises(TapError, match=r's\.m\[2\].*index 2 is out of range.*2 items'):
        Tap.parse('s.m[2]').select(output)
    with pytest.raises(TapError, match='is a Tensor.*cannot be indexed'):
        Tap.parse('s.m[0]').select(torch.zeros(3))


def test_module_that_runs_once_gives_its_output_and_several_times_a_list():
    model, x = Levels(), torch.randn(1, 2, 4, 4)
    tap = Tap('s', 'conv')
    with record(model, [tap]) as outputs:
        model(x)
    yielded = collect(outputs)[tap]
    assert isinstance(yielded, list) and len(yielded) == 3
    for i in range(3):
        torch.testing.assert_close(yielded[i], model.conv(x * i))
    with record(model, [tap]) as outputs:
        model.conv(x)
    torch.testing.assert_close(collect(outputs)[tap], model.conv(x))


def test_nested_index():
    model, x = nn.Sequential(Levels()), torch.randn(1, 2, 4, 4)
    tap = Tap.parse('s.0[2][0]')
    with record(model, [tap]) as outputs:
        model(x)
    torch.testing.assert_close(collect(outputs)[tap], model[0].conv(x * 2))


def test_nothing_yielded_says_which_and_why():
    model = Levels()
    with record(model, [Tap('student', 'idle')]) as outputs:
        model(torch.zeros(1, 2, 2, 2))
    with pytest.raises(TapError, match=r'`student\.idle` yielded nothing.*every train'):
        collect(outputs)


def test_nothing_stays_behind():
    model = Levels()
    tap = Tap('s', 'conv')
    with record(model, [tap]) as outputs:
        model(torch.zeros(1, 2, 2, 2))
    assert not any(m._forward_hooks for m in model.modules())
    held = weakref.ref(outputs[tap][0])
    del outputs
    gc.collect()
    assert held() is None
    copy.deepcopy(model)
    pickle.loads(pickle.dumps(model))


def test_hooks_go_after_an_error():
    model = Levels()
    with pytest.raises(RuntimeError), record(model, [Tap('s', 'conv')]):
        model(torch.zeros(1, 7, 2, 2))
    assert not any(m._forward_hooks for m in model.modules())
