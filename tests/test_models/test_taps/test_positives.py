# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A head's own assignment says how many predictions have an object."""

import pytest
import torch
from torch import nn

from dynkd.models.taps import PositivesTap, Recorder, Tap, TapError, collect


class Loss(nn.Module):
    """Takes what classification losses of MMDetection take."""

    def __init__(self, use_sigmoid=True):
        super().__init__()
        self.use_sigmoid = use_sigmoid

    def forward(self, predictions, labels=None, weight=None, avg_factor=None):
        return predictions.sum()


class Head(nn.Module):
    def __init__(self, **loss):
        super().__init__()
        self.loss_cls = Loss(**loss)


class Detector(nn.Module):
    def __init__(self, **loss):
        super().__init__()
        self.bbox_head = Head(**loss)


TAP = PositivesTap('student', 'bbox_head.loss_cls')


def count(model, *calls, **kwargs):
    recorder = Recorder([TAP])
    with recorder(model) as recorded:
        for args in calls:
            model.bbox_head.loss_cls(*args, **kwargs)
    assert not model.bbox_head.loss_cls._forward_hooks
    return collect(recorded)[TAP]


def test_it_lies_beside_the_taps_of_the_head():
    for text in ('student.bbox_head[0]', 'student.bbox_head.conv_cls'):
        assert PositivesTap.beside(Tap.parse(text)) == TAP
    assert TAP != Tap('student', 'bbox_head.loss_cls')
    assert TAP.needs_losses and not Tap.parse('student.neck').needs_losses


@pytest.mark.parametrize(
    ('sigmoid', 'labels', 'expected'),
    [
        # Three outputs: with sigmoid 3 is the background, with softmax 2 is.
        (True, [0, 3, 2, 3, 1, -1], 3),
        (False, [0, 2, 1, 2, 1, -1], 3),
        (True, [3, 3], 0),
    ],
)
def test_background_and_ignored_are_not_counted(sigmoid, labels, expected):
    found = count(
        Detector(use_sigmoid=sigmoid),
        (torch.randn(len(labels), 3), torch.tensor(labels)),
        avg_factor=17,
    )
    assert found == expected and found.dim() == 0


def test_labels_with_qualities():
    labels = torch.tensor([0, 3, 1])
    assert count(Detector(), (torch.randn(3, 3), (labels, torch.rand(3)))) == 2


def test_a_count_for_each_level():
    levels = [(torch.randn(2, 3), torch.tensor([0, k])) for k in (3, 1, 2)]
    assert count(Detector(), *levels) == [1, 2, 2]


@pytest.mark.parametrize('labels', [(), (torch.rand(2, 3),)])
def test_without_labels(labels):
    with pytest.raises(TapError, match='Loss receives no label for each prediction'):
        count(Detector(), (torch.randn(2, 3), *labels))
