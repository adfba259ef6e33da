# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A loss of others that takes one tensor is applied to each level."""

import pytest
import torch
from torch import Tensor, nn

from dynkd.models.schedules import Progress
from dynkd.models.transfers import Transfer
from dynkd.models.transfers.levels import takes_one_tensor
from dynkd.models.transfers.losses import FeatureLoss


class OneTensor(nn.Module):
    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return (student - teacher).square().mean()


class Lists(nn.Module):
    def forward(self, student: list, teacher: list) -> Tensor:
        return torch.tensor(float(len(student)))


class Anything(nn.Module):
    def forward(self, student, teacher):
        return torch.tensor(float(len(student)))


def value(loss, target, source):
    transfer = Transfer(source='teacher.m', target='student.m', loss=loss)
    (source_tap,), (target_tap,) = transfer.sources, transfer.targets
    outputs = {source_tap: source, target_tap: target}
    return transfer.compare(outputs, {}, Progress.beginning())


def test_it_is_the_sum_over_the_levels():
    target = [torch.rand(2, 3, size, size) for size in (4, 2)]
    source = [torch.rand(2, 3, size, size) for size in (4, 2)]
    expected = sum(OneTensor()(*pair) for pair in zip(target, source))
    torch.testing.assert_close(value(OneTensor(), target, source), expected)
    torch.testing.assert_close(
        value(OneTensor(), [target, target[0]], [source, source[0]]),
        expected + OneTensor()(target[0], source[0]),
    )
    torch.testing.assert_close(
        value(OneTensor(), target[0], source[0]), OneTensor()(target[0], source[0])
    )


def test_other_losses_get_the_lists():
    levels = [torch.rand(2, 3), torch.rand(2, 3)]
    for loss in (Lists(), Anything()):
        assert value(loss, levels, levels) == 2
    assert not takes_one_tensor(FeatureLoss())


def test_other_numbers_of_levels_are_refused():
    levels = [torch.rand(2, 3)] * 3
    with pytest.raises(ValueError, match=r'OneTensor: .* 3 level\(s\) .* source 2'):
        value(OneTensor(), levels, levels[:2])


def test_a_loss_of_mmrazor_compares_whole_necks(build, fcos, det_batch):
    pytest.importorskip('mmrazor.models')
    cwd = dict(type='mmrazor.ChannelWiseDivergence', tau=1.0)
    model = build(
        teacher=dict(model=fcos()),
        student=dict(model=fcos()),
        transfers=dict(
            loss_x=dict(source='teacher.neck', target='student.neck', loss=cwd)
        ),
    )
    losses = model(**det_batch(), mode='loss')
    assert losses['loss_x'] > 0 and losses['loss_x'].requires_grad
