# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A head that calls its own ``forward``, as MMSegmentation's do, can be tapped."""

import copy
import pickle

import pytest
import torch
from torch import nn

from dynkd.models.taps import Tap, collect, record


class Head(nn.Module):
    """A head of MMSegmentation, as far as its calls are concerned."""

    def __init__(self) -> None:
        super().__init__()
        self.conv_seg = nn.Conv2d(2, 3, 1)

    def cls_seg(self, feature):
        return self.conv_seg(feature)

    def forward(self, feature, scale=1.0):
        return self.cls_seg(feature * scale)

    def loss(self, feature, scale=1.0):
        return self.forward(feature, scale=scale).sum()


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.decode_head = Head()

    def forward(self, feature):
        return self.decode_head.loss(feature, scale=2.0)


TAP = Tap('s', 'decode_head')


def test_a_direct_call_is_heard_once_and_passes_its_arguments():
    model, feature = Model(), torch.randn(1, 2, 4, 4)
    with record(model, [TAP, Tap('s', 'decode_head.conv_seg')]) as outputs:
        loss = model(feature)
    assert {len(found) for found in outputs.values()} == {1}
    yielded = collect(outputs)[TAP]
    torch.testing.assert_close(yielded, model.decode_head.conv_seg(2 * feature))
    torch.testing.assert_close(loss, yielded.sum())
    (gradient,) = torch.autograd.grad(yielded.sum(), [model.decode_head.conv_seg.bias])
    assert gradient.ne(0).all()


def test_a_call_that_runs_hooks_is_heard_once_too():
    model, feature = Model(), torch.randn(1, 2, 4, 4)
    with record(model, [TAP]) as outputs:
        for _ in range(2):
            model.decode_head(feature)
        model.decode_head.forward(feature)
    assert len(outputs[TAP]) == 3
    assert all(torch.equal(one, outputs[TAP][0]) for one in outputs[TAP])


def test_other_hooks_see_a_direct_call_while_a_tap_is_read():
    model, seen = Model(), []
    model.decode_head.register_forward_hook(lambda *args: seen.append(1))
    model(torch.zeros(1, 2, 2, 2))
    assert not seen
    with record(model, [TAP]):
        model(torch.zeros(1, 2, 2, 2))
    assert seen == [1]


@pytest.mark.parametrize('channels', [2, 5])
def test_the_head_is_as_it_was(channels):
    """After a step, and after one that failed."""
    model = Model()
    feature = torch.zeros(1, channels, 2, 2)
    before = set(vars(model.decode_head))
    try:
        with record(model, [TAP]):
            model(feature)
    except RuntimeError:
        assert channels == 5
    assert set(vars(model.decode_head)) == before
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    copy.deepcopy(model)
    pickle.loads(pickle.dumps(model))


def test_a_forward_of_the_instance_comes_back():
    model = Model()
    own = model.decode_head.forward = lambda feature, scale=1.0: feature[:, :1]
    with record(model, [TAP]) as outputs:
        model(torch.ones(1, 2, 2, 2))
    assert torch.equal(collect(outputs)[TAP], torch.ones(1, 1, 2, 2))
    assert model.decode_head.forward is own
