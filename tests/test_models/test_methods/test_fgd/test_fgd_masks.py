# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmengine.structures import BaseDataElement, InstanceData

from dynkd.models.methods.fgd.fgd_masks import (
    Boxes,
    background_masks,
    foreground_masks,
    ground_truth,
)

pytest.importorskip('mmcv._ext', reason="MMDetection needs MMCV's ops")

from mmdet.structures import DetDataSample  # noqa: E402
from mmdet.structures.bbox import HorizontalBoxes  # noqa: E402


def sample(bboxes, **metainfo):
    return DetDataSample(gt_instances=InstanceData(bboxes=bboxes), metainfo=metainfo)


def boxes(*corners, image=(32, 64)):
    return Boxes(torch.tensor(corners).reshape(-1, 4).float(), image)


def foreground_in_loops(corners, image, size):
    """The scale mask, cell by cell."""
    (height, width), (rows, columns) = image, size
    mask = [[0.0] * columns for _ in range(rows)]
    for x1, y1, x2, y2 in corners:
        left, right = math.floor(x1 * columns / width), math.ceil(x2 * columns / width)
        top, bottom = math.floor(y1 * rows / height), math.ceil(y2 * rows / height)
        weight = 1 / ((right - left + 1) * (bottom - top + 1))
        for i in range(rows):
            for j in range(columns):
                if top <= i <= bottom and left <= j <= right:
                    mask[i][j] = max(mask[i][j], weight)
    return mask


# Numbers that float32 holds, so that both sides round the same products.
coordinate = st.integers(-40, 100).map(lambda quarter: quarter / 2)
corner_lists = st.lists(
    st.tuples(coordinate, coordinate, coordinate, coordinate).map(
        lambda c: (min(c[::2]), min(c[1::2]), max(c[::2]), max(c[1::2]))
    ),
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(corner_lists, st.sampled_from([(32, 64), (40, 24)]), st.integers(1, 8))
def test_foreground_in_loops(corners, image, rows):
    size = (rows, 2 * rows)
    found = foreground_masks([boxes(*corners, image=image)], size)
    expected = torch.tensor(foreground_in_loops(corners, image, size))
    assert torch.allclose(found[0], expected)


@settings(deadline=None, max_examples=30)
@given(corner_lists)
def test_background_is_where_no_box_is(corners):
    foreground = foreground_masks([boxes(*corners)], (4, 8))
    background = background_masks(foreground)
    free = int((foreground == 0).sum())
    assert not (foreground * background).any()
    assert background.sum().item() == pytest.approx(1.0 if free else 0.0)
    assert (background > 0).sum() == free


def test_a_box_inside_sums_to_one():
    # Columns 1 to 3 and rows 0 to 1: 8 pixels a cell, both ends included.
    found = foreground_masks([boxes((9, 2, 20, 7))], (4, 8))
    assert found.sum().item() == pytest.approx(1)
    expected = torch.zeros(4, 8)
    expected[:2, 1:4] = 1 / 6
    assert torch.allclose(found[0], expected)


def test_the_smaller_box_wins():
    large, small = (0, 0, 60, 30), (17, 9, 20, 12)
    for order in ([large, small], [small, large]):
        found = foreground_masks([boxes(*order)], (4, 8))[0]
        assert found[1, 2].item() == pytest.approx(1 / 4)
        assert found[0, 0].item() == pytest.approx(1 / (9 * 5))


def test_boxes_outside_cover_nothing():
    outside = boxes((-90, 0, -20, 9), (90, 0, 120, 9), (0, 50, 9, 70), (0, -30, 9, -20))
    assert not foreground_masks([outside], (4, 8)).any()


def test_images_of_a_batch_have_their_own_boxes():
    found = foreground_masks(
        [boxes((0, 0, 9, 9)), boxes(), boxes((8, 8, 9, 9))], (4, 8)
    )
    assert [bool(mask.any()) for mask in found] == [True, False, True]
    assert not torch.equal(found[0], found[2])


@pytest.mark.parametrize('wrap', [torch.Tensor, HorizontalBoxes])
def test_boxes_of_data_samples(wrap):
    corners = torch.tensor([[1.0, 2.0, 3.0, 4.0]])
    samples = [
        # The features cover the padded batch.
        sample(wrap(corners), img_shape=(30, 60, 3), batch_input_shape=(32, 64)),
        sample(wrap(corners[:0]), img_shape=(30, 60, 3)),
    ]
    padded, alone = ground_truth(samples)
    assert torch.equal(padded.corners, corners)
    assert padded.image_shape == (32, 64)
    assert alone.corners.shape == (0, 4)
    assert alone.image_shape == (30, 60)


def test_samples_without_boxes_or_shape():
    with pytest.raises(TypeError, match='no data samples'):
        ground_truth(None)
    labelled = BaseDataElement(gt_label=torch.zeros(1))
    with pytest.raises(AttributeError, match=r'data sample 0 .*gt_instances\.bboxes'):
        ground_truth([labelled])
    placed = sample(torch.zeros(1, 4), img_shape=(8, 8))
    bare = DetDataSample(gt_instances=InstanceData(labels=torch.zeros(1)))
    with pytest.raises(AttributeError, match='data sample 1 .*with_bbox=True'):
        ground_truth([placed, bare])
    with pytest.raises(AttributeError, match='batch_input_shape'):
        ground_truth([sample(torch.zeros(1, 4))])


@pytest.mark.parametrize('shape', [(4,), (2, 5)])
def test_boxes_that_are_none(shape):
    with pytest.raises(ValueError, match=r'must be \(boxes, 4\)'):
        ground_truth([sample(torch.zeros(shape), img_shape=(8, 8))])
