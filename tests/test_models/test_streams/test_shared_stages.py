# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Two-stage detectors with masks, and cascades, on the same proposals."""

import copy

import pytest
import torch

HEAD = 'roi_head.bbox_head'
MASKS = 'roi_head.mask_head'


def transfer(place: str, loss: str = 'FeatureLoss') -> dict:
    return dict(
        source=f'teacher.{place}', target=f'student.{place}', loss=dict(type=loss)
    )


@pytest.fixture
def mask_rcnn(faster_rcnn):
    def config(shared=False):
        model = faster_rcnn()
        model['type'] = 'mmdet.MaskRCNN'
        head = model['roi_head']
        if not shared:
            head['mask_roi_extractor'] = copy.deepcopy(head['bbox_roi_extractor'])
        head['mask_head'] = dict(
            type='FCNMaskHead',
            num_convs=1,
            in_channels=16,
            conv_out_channels=8,
            num_classes=3,
            loss_mask=dict(type='CrossEntropyLoss', use_mask=True),
        )
        model['data_preprocessor']['pad_mask'] = True
        model['train_cfg']['rcnn']['mask_size'] = 14
        model['test_cfg']['rcnn']['mask_thr_binary'] = 0.5
        return model

    return config


@pytest.fixture
def cascade(faster_rcnn):
    def config(stages=2):
        model = faster_rcnn()
        head, cfg = model['roi_head'], model['train_cfg']
        own = dict(head['bbox_head'], reg_class_agnostic=True)
        head.update(
            type='CascadeRoIHead',
            num_stages=stages,
            stage_loss_weights=[1.0] * stages,
            bbox_head=[copy.deepcopy(own) for _ in range(stages)],
        )
        cfg['rcnn'] = [copy.deepcopy(cfg['rcnn']) for _ in range(stages)]
        return dict(model, type='mmdet.CascadeRCNN')

    return config


@pytest.fixture
def masked_batch(det_batch):
    from mmdet.structures.mask import BitmapMasks

    batch = det_batch()
    for sample in batch['data_samples']:
        masks = torch.ones(2, 64, 64, dtype=torch.uint8)
        sample.gt_instances.masks = BitmapMasks(masks.numpy(), 64, 64)
    return batch


def rois(model, name, kind='bbox'):
    """The RoIs on which a stream's extractors run, by stage."""
    seen = []
    found = getattr(model.stream(name).model.roi_head, f'{kind}_roi_extractor')
    extractors = found if isinstance(found, torch.nn.ModuleList) else [found]
    for stage, extractor in enumerate(extractors):
        extractor.register_forward_pre_hook(
            lambda module, args, stage=stage: seen.append((stage, args[1]))
        )
    return seen


@pytest.mark.parametrize('frozen', [True, False])
def test_masks_are_those_of_the_same_boxes(build, mask_rcnn, masked_batch, frozen):
    model = build(
        teacher=dict(model=mask_rcnn(), proposals='student', frozen=frozen),
        student=dict(model=mask_rcnn()),
        transfers=dict(loss_mask=transfer(MASKS), loss_box=transfer(f'{HEAD}[0]')),
    )
    seen = {name: rois(model, name, 'mask') for name in model.all_streams}
    losses = model(**masked_batch, mode='loss')
    assert losses['loss_mask'] > 0 and losses['loss_mask'].requires_grad
    assert torch.equal(seen['teacher'][-1][1], seen['student'][0][1])


def test_masks_that_are_cut_out_with_the_boxes_are_told(build, mask_rcnn, masked_batch):
    """With one extractor for both, no RoIs of masks are seen."""
    with pytest.raises(ValueError, match='`student`.* cuts masks out of .* boxes'):
        build(
            teacher=dict(model=mask_rcnn(shared=True), proposals='student'),
            student=dict(model=mask_rcnn(shared=True)),
            transfers=dict(loss_mask=transfer(MASKS)),
        )


@pytest.mark.parametrize('stage', [0, 1])
def test_stages_of_two_cascades_correspond(build, cascade, det_batch, stage):
    model = build(
        teacher=dict(model=cascade(), proposals='student', frozen=True),
        student=dict(model=cascade()),
        transfers=dict(loss_x=transfer(f'{HEAD}.{stage}[0]', 'KLDLoss')),
    )
    seen = {name: rois(model, name) for name in model.all_streams}
    losses = model(**det_batch(), mode='loss')
    assert losses['loss_x'].requires_grad
    # Only the stage that is tapped runs.
    (own,) = seen['teacher']
    assert own[0] == stage
    assert torch.equal(own[1], dict(seen['student'])[stage])


def test_a_cascade_provides_those_of_its_last_stage(
    build, cascade, faster_rcnn, det_batch
):
    last, whole = f'{HEAD}.1[0]', f'{HEAD}[0]'
    model = build(
        teacher=dict(model=faster_rcnn(), proposals='student', frozen=True),
        student=dict(model=cascade()),
        transfers=dict(
            loss_x=dict(
                source=f'teacher.{whole}',
                target=f'student.{last}',
                loss=dict(type='KLDLoss'),
            )
        ),
    )
    seen = {name: rois(model, name) for name in model.all_streams}
    assert model(**det_batch(), mode='loss')['loss_x'].requires_grad
    assert torch.equal(seen['teacher'][0][1], dict(seen['student'])[1])


def test_all_stages_of_a_reader_classify_the_same(
    build, cascade, faster_rcnn, det_batch
):
    model = build(
        teacher=dict(model=cascade(), proposals='student', frozen=True),
        student=dict(model=faster_rcnn()),
        transfers=dict(
            loss_x=dict(
                source=[f'teacher.{HEAD}.{stage}[0]' for stage in range(2)],
                target=f'student.{HEAD}[0]',
                loss=dict(type='KLDLoss'),
            )
        ),
    )
    seen = {name: rois(model, name) for name in model.all_streams}
    assert model(**det_batch(), mode='loss')['loss_x'].requires_grad
    assert [stage for stage, _ in seen['teacher']] == [0, 1]
    for _, own in seen['teacher']:
        assert torch.equal(own, seen['student'][0][1])


def test_other_stages_are_not_compared(build, cascade):
    with pytest.raises(ValueError, match='boxes of stage 0 .* those of stage 1'):
        build(
            teacher=dict(model=cascade(), proposals='student'),
            student=dict(model=cascade()),
            transfers=dict(
                loss_x=dict(
                    source=f'teacher.{HEAD}.0[0]',
                    target=f'student.{HEAD}.1[0]',
                    loss=dict(type='KLDLoss'),
                )
            ),
        )


def test_cascades_of_other_lengths_are_refused(build, cascade):
    with pytest.raises(ValueError, match='cascades of 3 and 2 stages'):
        build(
            teacher=dict(model=cascade(3), proposals='student'),
            student=dict(model=cascade(2)),
        )
