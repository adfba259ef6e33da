# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Two-stage detectors that classify the same boxes."""

import pytest
import torch

from dynkd.models.taps import TapError

HEAD = 'roi_head.bbox_head'


def roi_kld(source: str, target: str) -> dict:
    return dict(
        source=f'{source}.{HEAD}[0]',
        target=f'{target}.{HEAD}[0]',
        loss=dict(type='KLDLoss'),
    )


def capture(model, name):
    """Keep features, RoIs and logits of a stream's RoI head."""
    seen = dict(features=[], rois=[], logits=[])
    head = model.stream(name).model.roi_head
    head.bbox_roi_extractor.register_forward_pre_hook(
        lambda module, args: seen['features'].append(args[0])
    )
    head.bbox_roi_extractor.register_forward_pre_hook(
        lambda module, args: seen['rois'].append(args[1])
    )
    head.bbox_head.register_forward_hook(
        lambda module, args, output: seen['logits'].append(output[0])
    )
    return seen


@pytest.mark.parametrize('frozen', [True, False])
def test_teacher_classifies_the_students_rois(build, faster_rcnn, det_batch, frozen):
    model = build(
        teacher=dict(model=faster_rcnn(width=16), proposals='student', frozen=frozen),
        student=dict(model=faster_rcnn()),
        transfers=dict(loss_kld=roi_kld('teacher', 'student')),
    )
    seen = {name: capture(model, name) for name in model.all_streams}
    losses = model(**det_batch(), mode='loss')
    rois = seen['student']['rois'][0]
    # A trained teacher samples RoIs for its own losses first.
    assert len(seen['teacher']['rois']) == (1 if frozen else 2)
    assert torch.equal(seen['teacher']['rois'][-1], rois)
    # The logits are those of a direct computation on these RoIs.
    head = model.stream('teacher').model.roi_head
    logits = seen['teacher']['logits'][-1]
    with torch.no_grad():
        features = seen['teacher']['features'][-1]
        direct = head.bbox_head(head.bbox_roi_extractor(features, rois))[0]
    torch.testing.assert_close(logits, direct)
    reference = torch.softmax(direct, 1)
    student = torch.log_softmax(seen['student']['logits'][0], 1)
    expected = (reference * (reference.log() - student)).sum(1).mean()
    torch.testing.assert_close(losses['loss_kld'], expected)


def test_gradient_goes_to_the_target_alone(build, faster_rcnn, det_batch):
    model = build(
        teacher=dict(model=faster_rcnn(), proposals='student'),
        student=dict(model=faster_rcnn()),
        transfers=dict(
            loss_student=roi_kld('teacher', 'student'),
            loss_teacher=roi_kld('student', 'teacher'),
        ),
    )
    below = ('backbone', 'neck', f'{HEAD}.shared_fcs', f'{HEAD}.fc_cls')
    for learner in ('student', 'teacher'):
        losses = model(**det_batch(), mode='loss')
        model.zero_grad()
        losses[f'loss_{learner}'].backward()
        graded = {
            name
            for name, p in model.named_parameters()
            if p.grad is not None and p.grad.any()
        }
        prefixes = tuple(f'streams.{learner}.{part}.' for part in below)
        expected = {n for n, _ in model.named_parameters() if n.startswith(prefixes)}
        assert graded <= expected
        # The coarsest level of the pyramid is for the proposals only; a small RoI
        # may leave others out too.
        assert {n for n in expected if HEAD in n or 'backbone' in n} <= graded


def test_whole_step_with_predictions(build, faster_rcnn, det_batch):
    model = build(
        teacher=dict(model=faster_rcnn(), proposals='student', frozen=True),
        student=dict(model=faster_rcnn()),
        transfers=dict(
            loss_kld=roi_kld('teacher', 'student'),
            loss_neck=dict(
                source='teacher.neck',
                target='student.neck',
                loss=dict(type='FeatureLoss'),
            ),
        ),
    )
    batch = det_batch()
    total, log = model.parse_losses(model(**batch, mode='loss'))
    total.backward()
    assert {
        'student/loss_rpn_cls',
        'student/loss_bbox',
        'loss_kld',
        'loss_neck',
    } <= set(log)
    assert not any(name.startswith('teacher/') for name in log)
    predictions = model.eval().predict_streams(batch)
    assert all(len(own) == 2 for own in predictions.values())


@pytest.mark.parametrize('proposals', [None, 'teacher'])
def test_rois_of_different_proposals(build, faster_rcnn, proposals):
    """Without shared proposals the build says what to write; either way will do."""
    cfg = dict(
        teacher=dict(model=faster_rcnn()),
        student=dict(model=faster_rcnn(), proposals=proposals),
        transfers=dict(loss_kld=roi_kld('teacher', 'student')),
    )
    if proposals is not None:
        build(**cfg)
        return
    with pytest.raises(
        ValueError, match="loss_kld.*not comparable.*proposals='student'"
    ):
        build(**cfg)


@pytest.mark.parametrize(
    ('frozen', 'phases'),
    [(True, None), (False, [dict(name='rest', frozen=['student'])])],
)
def test_provider_that_rests(build, faster_rcnn, frozen, phases):
    """Who is frozen samples no proposals: that shows when the model is built."""
    with pytest.raises(ValueError, match='loss_kld.*`student`.*frozen.*proposals'):
        build(
            teacher=dict(model=faster_rcnn(), proposals='student'),
            student=dict(model=faster_rcnn(), frozen=frozen),
            transfers=dict(loss_kld=roi_kld('student', 'teacher')),
            phases=phases,
        )


def test_streams_without_roi_head(build, faster_rcnn, fcos):
    with pytest.raises(ValueError, match=r'`student` \(FCOS\).*no RoI head'):
        build(
            teacher=dict(model=faster_rcnn(), proposals='student'),
            student=dict(model=fcos()),
        )


def test_unknown_provider(build, faster_rcnn):
    with pytest.raises(ValueError, match='proposals of `tutor`.*Streams: student'):
        build(student=dict(model=faster_rcnn(), proposals='tutor'))


def test_tap_that_does_not_run_on_given_rois(build, faster_rcnn):
    transfer = dict(
        source=f'teacher.{HEAD}.loss_cls',
        target=f'student.{HEAD}.loss_cls',
        loss=dict(type='FeatureLoss'),
    )
    with pytest.raises(TapError, match='loss_cls` yielded nothing'):
        build(
            teacher=dict(model=faster_rcnn(), proposals='student'),
            student=dict(model=faster_rcnn()),
            transfers=dict(loss_x=transfer),
        )
