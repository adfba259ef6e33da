# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Pixels without a label are left out where a transfer says so."""

import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData

from dynkd.models.transfers.labelled_pixels import ignore_pixels
from dynkd.models.transfers.losses import CWDLoss, FeatureLoss, KLDLoss


def samples(labels: torch.Tensor) -> list[BaseDataElement]:
    return [BaseDataElement(gt_sem_seg=PixelData(data=one[None])) for one in labels]


@pytest.fixture
def labels() -> torch.Tensor:
    """Of 8 x 12 pixels; the first rows of image 0 and a corner of image 1 have none."""
    found = torch.randint(0, 4, (2, 8, 12))
    found[0, :4] = 255
    found[1, 6:, 9:] = 255
    return found


@pytest.fixture
def sides(features) -> list[torch.Tensor]:
    return features(2, 5, 4, 4)


def per_pixel(target, source, ignored, kind) -> float:
    """The mean over all positions, of which the ignored are 0, one by one."""
    total = 0.0
    for index in range(2):
        for row in range(4):
            for column in range(4):
                # The nearest pixel: every second row, every third column.
                if ignored[index, 2 * row, 3 * column]:
                    continue
                own, other = (x[index, :, row, column] for x in (target, source))
                if kind is FeatureLoss:
                    total += ((own - other) ** 2).mean().item()
                else:
                    p, q = other.softmax(0), own.softmax(0)
                    total += (p * (p / q).log()).sum().item()
    return total / 32


@pytest.mark.parametrize('kind', [KLDLoss, FeatureLoss])
def test_the_loss_is_that_of_the_labelled_pixels(sides, labels, kind):
    target = ignore_pixels(*sides, samples(labels), 255)
    found = kind()(target, sides[1]).item()
    assert found == pytest.approx(per_pixel(*sides, labels == 255, kind), rel=1e-9)
    assert found < kind()(*sides).item()


@pytest.mark.parametrize('kind', [KLDLoss, FeatureLoss, CWDLoss])
def test_they_get_no_gradient(sides, labels, kind):
    target, source = sides[0].requires_grad_(), sides[1]
    kind()(ignore_pixels(target, source, samples(labels), 255), source).backward()
    ignored = (labels == 255)[:, ::2, ::3]
    graded = target.grad.abs().sum(1) > 0
    assert torch.equal(graded, ~ignored) and ignored.any()


def test_levels_have_masks_of_their_own(features, labels):
    coarse, fine = features(2, 5, 4, 4), features(2, 5, 8, 12)
    pairs = list(zip(coarse, fine))
    found = ignore_pixels(*pairs, samples(labels), 255)
    for own, target, source in zip(found, *pairs):
        step = 8 // own.size(2), 12 // own.size(3)
        mask = (labels == 255)[:, None, :: step[0], :: step[1]]
        assert torch.equal(own, torch.where(mask, source, target))


def test_other_shapes_are_left_to_the_loss(features, labels):
    target = features(2, 5, 4, 4)[0]
    own = samples(labels)
    for source in (target[:, :3], target[:, :, 0], [target, target]):
        assert ignore_pixels(target, source, own, 255) is target
    vectors = target[:, :, 0, 0]
    assert ignore_pixels(vectors, vectors, own, 255) is vectors
    levels = [target]
    assert ignore_pixels(levels, [target, target], own, 255) is levels


@pytest.mark.parametrize('given', [None, [], [BaseDataElement(gt_label=torch.ones(1))]])
def test_data_without_labels_of_pixels(sides, given):
    with pytest.raises(ValueError, match='a data sample has none.*gt_sem_seg'):
        ignore_pixels(*sides, given, 255)


def test_a_segmentor_in_a_step(build, segmentor, seg_batch):
    taps = dict(source='teacher.decode_head', target='student.decode_head')
    transfer = dict(taps, loss=dict(type='KLDLoss'))
    model = build(
        teacher=dict(model=segmentor(), frozen=True),
        student=dict(model=segmentor()),
        transfers=dict(
            loss_all=transfer, loss_labelled=dict(transfer, ignore_index=255)
        ),
    )
    said = {}
    for name in ('teacher', 'student'):
        head = model.stream(name).model.decode_head.conv_seg
        head.register_forward_hook(lambda *args, n=name: said.update({n: args[2]}))
    batch = seg_batch()
    labels = torch.cat([one.gt_sem_seg.data for one in batch['data_samples']])
    losses = model(**batch, mode='loss')
    # Logits of stride 8; `seg_batch` leaves 8 rows without a label.
    assert torch.equal((labels == 255)[:, ::8, ::8].sum((1, 2)), torch.tensor([8, 8]))
    own = KLDLoss()(said['student'][:, :, 1:], said['teacher'][:, :, 1:])
    torch.testing.assert_close(losses['loss_labelled'], own * 7 / 8)
    assert losses['loss_labelled'] != losses['loss_all']


def test_models_without_labels_of_pixels(build, classifier, kld):
    message = 'loss_x.*`ignore_index` leaves pixels out.*`student` learns from none'
    with pytest.raises(ValueError, match=message):
        build(
            teacher=dict(model=classifier(), frozen=True),
            student=dict(model=classifier()),
            transfers=dict(loss_x=kld('teacher', 'student', ignore_index=255)),
        )
