# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Data that nothing can learn from stop a run before its first step."""

from typing import Any, Callable

import pytest
import torch
from mmengine.registry import DATA_SAMPLERS
from mmengine.runner import Runner
from run_outcomes import refused, trains
from torch.utils.data import BatchSampler

from dynkd.engine.hooks.run_check_hook import RunCheckHook

FGD = dict(type='FGDLoss', foreground=2e-3, background=5e-4)


@pytest.fixture
def fgd(training, fcos, det_batch) -> Callable[..., Runner]:
    """Build a runner of FGD, on data whose ground truth may be changed."""

    def build(change: Callable[[Any], None], **loss: Any) -> Runner:
        batch = det_batch(size=4)
        for sample in batch['data_samples']:
            change(sample.gt_instances)
        transfer = dict(
            source='teacher.neck', target='student.neck', loss=dict(FGD, **loss)
        )
        return training(fcos(), dict(loss_fgd=transfer), batch, dict(batch_size=2))

    return build


def test_cka_needs_four_images_a_batch(dpk):
    refused(
        dpk(dict(type='CKARatio'), batch_size=3),
        r'transfer `loss_dpk` \(teacher\.backbone\[0\] -> student\.backbone\[0\]\): '
        r'CKARatio: a batch of 3 image\(s\) per process has fewer than the 4 samples .*'
        "raise the batch size, set samples='positions', or give a number",
    )


@pytest.mark.parametrize(
    'ratio, batch_size',
    [
        (dict(type='CKARatio'), 4),
        # The last batch of an epoch, of two images, is no reason to stop.
        (dict(type='CKARatio'), 6),
        (dict(type='CKARatio', samples='positions'), 2),
        (dict(type='LinearSchedule', start=1.0, stop=0.05), 2),
    ],
)
def test_other_ratios_and_batches_train(dpk, ratio, batch_size):
    trains(dpk(ratio, batch_size=batch_size), -(-8 // batch_size))


def test_a_sampler_of_batches_says_their_size(dpk):
    DATA_SAMPLERS.register_module('Pairs', module=_pairs, force=True)
    loader = dict(batch_sampler=dict(type='Pairs'), batch_size=8)
    try:
        refused(dpk(dict(type='CKARatio'), **loader), 'a batch of 2 image')
    finally:
        del DATA_SAMPLERS.module_dict['Pairs']


def _pairs(sampler: Any, batch_size: int) -> BatchSampler:
    """Batches of two, whatever the loader says."""
    return BatchSampler(sampler, 2, drop_last=False)


def test_without_the_hook_the_first_step_stops(dpk):
    runner = dpk(dict(type='CKARatio'), hooks=[], batch_size=3)
    with pytest.raises(ValueError, match='a batch of 3 image'):
        runner.train()


def test_fgd_needs_boxes(fgd):
    refused(
        fgd(lambda instances: instances.pop('bboxes')),
        r'transfer `loss_fgd` .*: FGDLoss: the training\'s first data sample has no '
        r"`gt_instances\.bboxes`.*dict\(type='LoadAnnotations', with_bbox=True\)",
    )


def test_fgd_needs_boxes_of_four_numbers(fgd):
    def widen(instances: Any) -> None:
        boxes = instances.pop('bboxes')
        instances.bboxes = torch.cat((boxes, boxes[:, :1]), 1)

    refused(
        fgd(widen), r'the boxes of .* have shape \(2, 5\); they must be \(boxes, 4\)'
    )


def test_fgd_takes_images_without_a_box(fgd):
    def empty(instances: Any) -> None:
        boxes, labels = instances.pop('bboxes'), instances.pop('labels')
        instances.bboxes, instances.labels = boxes[:0], labels[:0]

    trains(fgd(empty), 2)


def test_fgd_without_masks_needs_no_boxes(fgd):
    runner = fgd(
        lambda instances: instances.pop('bboxes'),
        foreground=0.0,
        background=0.0,
        attention=1e-4,
    )
    RunCheckHook().before_train(runner)


@pytest.fixture
def dtskd(training, classifier, cls_batch) -> Callable[..., Runner]:
    """Build a runner of a student with branches on 7 images."""

    def build(module: Any = None, loop: Any = None, **loader: Any) -> Runner:
        module = dict(type='MixedFusionModule', **(module or {}))
        cfg = dict(loop=loop, branches=dict(module=module))
        return training(classifier(), {}, cls_batch(size=7), loader, **cfg)

    return build


@pytest.mark.parametrize('batch_size', [1, 3])
def test_branches_cannot_learn_from_a_last_batch_of_one(dtskd, batch_size):
    refused(
        dtskd(batch_size=batch_size),
        'branches of stream `student`: MixedFusionModule: batch normalisation cannot '
        r'learn from a batch of one .*`drop_last=True` leaves out',
    )


@pytest.mark.parametrize(
    'options, steps',
    [
        (dict(batch_size=4), 2),
        (dict(batch_size=7), 1),
        (dict(batch_size=3, drop_last=True), 2),
        # The training ends before it comes to the last batch.
        (dict(batch_size=3, loop=dict(by_epoch=False, max_iters=2)), 2),
        (dict(batch_size=3, module=dict(norm_cfg=None)), 3),
        (dict(batch_size=3, module=dict(fusion='none')), 3),
    ],
)
def test_branches_learn_from_other_batches(dtskd, options, steps):
    trains(dtskd(**options), steps)
