# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData

from dynkd.models.methods.baselines import LDLoss

BOXES = [[[4.0, 4.0, 20.0, 12.0]], [], [[0.0, 8.0, 10.0, 30.0], [16.0, 0.0, 30.0, 9.0]]]


def samples(boxes=BOXES) -> list[DetDataSample]:
    found = []
    for own in boxes:
        sample = DetDataSample(metainfo=dict(img_shape=(32, 32)))
        sample.gt_instances = InstanceData(bboxes=torch.tensor(own).reshape(-1, 4))
        found.append(sample)
    return found


def inside(boxes: list, row: int, column: int, stride: int) -> bool:
    """Whether a position is in a box, borders included, as FGD's masks are."""
    for x1, y1, x2, y2 in boxes:
        columns = math.floor(x1 / stride) <= column <= math.ceil(x2 / stride)
        rows = math.floor(y1 / stride) <= row <= math.ceil(y2 / stride)
        if columns and rows:
            return True
    return False


def softmax(values: list[float], temperature: float) -> list[float]:
    powers = [math.exp(value / temperature) for value in values]
    return [power / math.fsum(powers) for power in powers]


def edges_apart(target: list, source: list, temperature: float) -> float:
    """The mean divergence of the four edges of a position."""
    bins, total = len(target) // 4, 0.0
    for edge in range(4):
        part = slice(edge * bins, (edge + 1) * bins)
        p, q = softmax(source[part], temperature), softmax(target[part], temperature)
        total += sum(a * math.log(a / b) for a, b in zip(p, q))
    return temperature**2 * total / 4


@pytest.mark.parametrize('region', ['boxes', 'all'])
@pytest.mark.parametrize('temperature', [1.0, 10.0])
def test_is_the_equation(agrees, region, temperature, features):
    levels = [features(3, 4 * 5, size, size) for size in (8, 4)]
    total, count = 0.0, 0
    for target, source in levels:
        stride = 32 // target.size(2)
        for image, boxes in enumerate(BOXES):
            for row in range(target.size(2)):
                for column in range(target.size(3)):
                    if region == 'all' or inside(boxes, row, column, stride):
                        sides = [s[image, :, row, column] for s in (target, source)]
                        lists = [side.tolist() for side in sides]
                        total += edges_apart(*lists, temperature)
                        count += 1
    loss = LDLoss(temperature, region, loss_weight=0.25)
    found = loss(*zip(*levels), samples()).item()
    agrees('LDLoss', found, 0.25 * total / count)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**31), st.floats(-5, 5))
def test_never_negative_and_edges_may_be_shifted(features, seed, shift):
    target, source = features(1, 4 * 3, 4, 4, seed=seed)
    loss = LDLoss(region='all')
    value = loss(target, source)
    assert value >= 0
    edges = shift * torch.arange(4.0).double().repeat_interleave(3)[:, None, None]
    assert torch.allclose(loss(target + edges, source), value)
    assert loss(target + edges, target).item() == pytest.approx(0, abs=1e-12)


def test_without_objects_it_is_a_zero_on_the_graph(features):
    target, source = features(2, 8, 4, 4)
    target.requires_grad_()
    loss = LDLoss()(target, source, samples([[], []]))
    loss.backward()
    assert loss == 0 and not target.grad.any()


def test_gradcheck(features):
    pair = [side.requires_grad_() for side in features(1, 8, 2, 2)]
    loss = LDLoss(2.0)
    own = samples([[[0.0, 0.0, 10.0, 10.0]]])
    assert torch.autograd.gradcheck(lambda t, s: loss(t, s, own), pair)


def test_an_unknown_region():
    with pytest.raises(ValueError, match="region must be one of .* got 'center'"):
        LDLoss(region='center')


@pytest.mark.parametrize(
    ('shape', 'own', 'error', 'message'),
    [
        ((1, 10, 4, 4), samples([[]]), ValueError, 'x bins, H, W'),
        ((1, 4, 4, 4), samples([[]]), ValueError, 'of 2 bins or more'),
        ((1, 8), samples([[]]), ValueError, 'x bins, H, W'),
        ((2, 8, 4, 4), samples([[]]), ValueError, r'1 data sample\(s\) for a batch of'),
        ((1, 8, 4, 4), None, TypeError, 'LDLoss: the foreground comes from'),
        (
            (1, 8, 4, 4),
            [DetDataSample()],
            AttributeError,
            "LDLoss: .* or set region='all'",
        ),
    ],
)
def test_what_does_not_fit(shape, own, error, message):
    with pytest.raises(error, match=message):
        LDLoss()(torch.zeros(shape), torch.zeros(shape), own)


def test_data_without_boxes_are_found_before_the_first_step():
    without = SimpleNamespace(first_sample=DetDataSample())
    assert 'LDLoss' in LDLoss().data_fault(without)
    assert LDLoss(region='all').data_fault(without) is None
    assert LDLoss().data_fault(SimpleNamespace(first_sample=samples()[0])) is None


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_more_positions_than_half_precision_counts(dtype):
    target, source = torch.randn(2, 8, 8, 100, 168)
    loss = LDLoss(region='all')
    half = loss(target.to(dtype), source.to(dtype))
    assert float(half) == pytest.approx(float(loss(target, source)), rel=0.05)
