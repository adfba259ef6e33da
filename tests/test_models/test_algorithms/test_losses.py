# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Losses are added up as MMEngine adds them up."""

import pytest
import torch
from mmengine.model import BaseModel

from dynkd.models.algorithms.losses import total_loss


class Plain(BaseModel):
    def forward(self, inputs, data_samples=None, mode='tensor'):
        raise NotImplementedError


def graph_size(tensor: torch.Tensor) -> int:
    """How many functions the backward pass of a tensor runs."""
    seen, ahead = set(), [tensor.grad_fn]
    while ahead:
        function = ahead.pop()
        if function is not None and function not in seen:
            seen.add(function)
            ahead += [following for following, _ in function.next_functions]
    return len(seen)


@pytest.fixture
def losses():
    """Scalars, maps, levels, and what is logged beside them."""
    weight = torch.tensor([0.1, 0.7, 1.3], requires_grad=True)
    return weight, {
        'student/loss_cls': weight.square().sum(),
        'loss_map': weight * 3,
        'loss_levels': [weight[:2] / 3, weight[2].sin(), weight.exp()],
        'student/acc': weight.detach().max(),
        'kld/share': torch.tensor([1.0, 3.0]),
        'loss_half': weight.detach().half().sum(),
    }


def test_to_the_bit_as_mmengine(losses):
    weight, losses = losses
    total, logged = total_loss(losses)
    plain, expected = Plain().parse_losses(losses)
    assert list(logged) == list(expected) and type(logged) is type(expected)
    for key in logged:
        assert torch.equal(logged[key], expected[key]), key
        assert logged[key].dtype is expected[key].dtype
    assert total is logged['loss']
    own = torch.autograd.grad(total, weight, retain_graph=True)[0]
    other = torch.autograd.grad(plain, weight)[0]
    assert torch.equal(own, other)


def test_nothing_runs_for_scalars(losses):
    weight, _ = losses
    scalars = dict(loss_one=weight.sum(), loss_two=weight.prod())
    total, logged = total_loss(scalars)
    assert all(logged[key] is value for key, value in scalars.items())
    # Sum, product, their addition, and the accumulation of the weight's gradient.
    assert graph_size(total) == 4
    assert total_loss(dict(loss=weight.sum()))[1].keys() == {'loss'}


def test_no_loss_is_zero_as_in_mmengine():
    values = dict(acc=torch.tensor(1.0), loss_none=[])
    assert total_loss(values) == Plain().parse_losses(values)


@pytest.mark.parametrize('value', [1.0, (torch.ones(()),), [1.0]])
def test_what_is_no_tensor_is_refused(value):
    with pytest.raises(TypeError, match='`loss_x` is neither a tensor nor a list'):
        total_loss(dict(loss_x=value))
