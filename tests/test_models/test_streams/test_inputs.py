# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What each stream is given: inputs of its own, the same random draws."""

import copy

import pytest
import torch

from dynkd.models.streams import inputs

LOOSE = dict(mean=None, std=None, to_rgb=False, num_classes=5)


def received(model) -> dict[str, list]:
    """What the streams' backbones are given, by stream."""
    seen = {name: [] for name in model.all_streams}
    for name, own in seen.items():
        model.stream(name).model.backbone.register_forward_pre_hook(
            lambda module, args, own=own: own.append(args[0].clone())
        )
    return seen


@pytest.mark.parametrize('augment', ['Mixup', 'CutMix', 'ResizeMix'])
@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32])
def test_batch_augmentations_are_shared(
    build, classifier, cls_batch, kld, augment, dtype
):
    """Both streams see the same mixed batch."""
    mixed = dict(augments=dict(type=augment, alpha=1.0))
    configs = [classifier(train_cfg=mixed) for _ in range(2)]
    for config in configs:
        config['data_preprocessor'] = dict(LOOSE)
    model = build(
        teacher=dict(model=configs[0]),
        student=dict(model=configs[1]),
        transfers=dict(loss_kld=kld('teacher', 'student')),
    )
    seen = received(model)
    batch = cls_batch(size=8)
    images, samples = batch['inputs'].to(dtype), batch['data_samples']
    for _ in range(2):
        # The last reader of a batch may write into it, as a plain model does.
        model(images.clone(), copy.deepcopy(samples), mode='loss')
    for step in range(2):
        torch.testing.assert_close(
            seen['teacher'][step], seen['student'][step], rtol=0, atol=0
        )
        assert not torch.equal(seen['student'][step], images.float())
    # The draws are shared by streams, not by steps.
    assert not torch.equal(seen['student'][0], seen['student'][1])


MIXUP, CUTMIX = dict(type='Mixup', alpha=0.8), dict(type='CutMix', alpha=1.0)


@pytest.mark.parametrize(
    ('teacher', 'student', 'message'),
    [
        (
            None,
            dict(augments=[MIXUP, CUTMIX]),
            r'by nothing and by Mixup\(alpha=0\.8\), CutMix\(.*different images',
        ),
        (dict(augments=MIXUP), None, r'by Mixup\(alpha=0\.8\) and by nothing'),
        (dict(augments=MIXUP), dict(augments=CUTMIX), r'Mixup\(.* and by CutMix\('),
        (
            dict(augments=MIXUP),
            dict(augments=dict(MIXUP, alpha=0.2)),
            r'by Mixup\(alpha=0\.8\) and by Mixup\(alpha=0\.2\)',
        ),
        (
            dict(augments=MIXUP, probs=0.5),
            dict(augments=MIXUP),
            r'with probabilities \[0\.5, 0\.5\] and by Mixup',
        ),
    ],
)
def test_streams_that_mix_the_same_images_differently(
    build, classifier, kld, teacher, student, message
):
    def pair(**stream):
        build(
            teacher=dict(model=classifier(train_cfg=teacher), **stream),
            student=dict(model=classifier(train_cfg=student), input='rgb'),
            transfers=dict(loss_kld=kld('teacher', 'student')),
        )

    for stream in ({}, dict(input='rgb')):
        match = f'`loss_kld`: the streams `teacher` and `student` .*{message}'
        with pytest.raises(ValueError, match=match):
            pair(**stream)
    # Of another modality, there are no images that should be the same.
    pair(input='flow')


def test_detectors_that_resize_the_same_images_differently(build, fcos):
    """Arguments of modules count, but not whether they are trained."""

    def resized(*size):
        model = fcos()
        # Nothing is shared with the other model's config.
        pad = dict(type='mmdet.BatchFixedSizePad', size=size)
        preprocessor = dict(model['data_preprocessor'], batch_augments=[pad])
        return dict(model, data_preprocessor=preprocessor)

    def pair(*size):
        loss = dict(type='FeatureLoss')
        return build(
            teacher=dict(model=resized(64, 64), frozen=True),
            student=dict(model=resized(*size)),
            transfers=dict(
                loss_x=dict(source='teacher.neck', target='student.neck', loss=loss)
            ),
        )

    pair(64, 64)
    with pytest.raises(ValueError, match=r'size=\(64, 64\).*and by .*size=\(96, 64\)'):
        pair(96, 64)


def test_each_stream_keeps_its_own_normalisation(build, classifier, cls_batch):
    teacher = classifier()
    teacher['data_preprocessor'].update(mean=[0.0] * 3, std=[255.0] * 3)
    model = build(teacher=dict(model=teacher), student=dict(model=classifier()))
    seen = received(model)
    batch = cls_batch()
    model(**batch, mode='loss')
    torch.testing.assert_close(seen['teacher'][0], batch['inputs'] / 255)
    torch.testing.assert_close(
        seen['student'][0], (batch['inputs'].float() - 127.5) / 63.75
    )


def two_inputs(cls_batch) -> dict:
    batch = cls_batch()
    flow = torch.randint(0, 256, (4, 2, 32, 32), dtype=torch.uint8)
    return dict(batch, inputs=dict(rgb=batch['inputs'], flow=flow))


@pytest.fixture
def rgb_and_flow(build, classifier, kld):
    teacher = classifier()
    teacher['backbone'].update(in_channels=2)
    teacher['data_preprocessor'] = dict(
        mean=[128.0] * 2, std=[64.0] * 2, to_rgb=False, num_classes=5
    )
    return build(
        teacher=dict(model=teacher, input='flow', input_shape=(2, 32, 32)),
        student=dict(model=classifier(), input='rgb'),
        transfers=dict(
            loss_student=kld('teacher', 'student'),
            loss_teacher=kld('student', 'teacher'),
        ),
    )


def test_two_inputs(rgb_and_flow, cls_batch):
    seen, batch = received(rgb_and_flow), two_inputs(cls_batch)
    losses = rgb_and_flow(**batch, mode='loss')
    assert losses['loss_student'] > 0 and losses['loss_teacher'] > 0
    torch.testing.assert_close(
        seen['teacher'][0], (batch['inputs']['flow'].float() - 128) / 64
    )
    assert seen['student'][0].shape == (4, 3, 64, 64)
    predictions = rgb_and_flow.eval().predict_streams(batch)
    assert {name: len(own) for name, own in predictions.items()} == dict(
        teacher=4, student=4
    )
    assert len(rgb_and_flow.val_step(batch)) == 4


def test_input_that_the_data_lacks(rgb_and_flow, cls_batch):
    batch = two_inputs(cls_batch)
    batch['inputs']['depth'] = batch['inputs'].pop('flow')
    with pytest.raises(KeyError, match='`teacher` reads the input `flow`.*rgb, depth'):
        rgb_and_flow(**batch, mode='loss')


def test_stream_that_does_not_say_which_of_several(build, classifier, cls_batch):
    model = build(student=dict(model=classifier()))
    batch = two_inputs(cls_batch)
    with pytest.raises(ValueError, match='`student` does not say.*rgb, flow.*`input='):
        model(**batch, mode='loss')
    del batch['inputs']['flow']
    seen = received(model)
    model(**batch, mode='loss')
    assert len(seen['student']) == 1


def test_input_that_no_stream_reads(rgb_and_flow, cls_batch, monkeypatch):
    said = []
    monkeypatch.setattr(inputs, 'print_log', lambda text, **_: said.append(text))
    batch = two_inputs(cls_batch)
    rgb_and_flow(**batch, mode='loss')
    assert not said
    batch['inputs']['deepth'] = batch['inputs']['flow']
    for _ in range(2):
        rgb_and_flow(**batch, mode='loss')
    assert len(said) == 1
    assert '`deepth`, which no stream reads (teacher: flow, student: rgb)' in said[0]


def test_one_input_for_all_needs_no_name(rgb_and_flow, cls_batch):
    """A stream that names its input takes the only one there is."""
    assert len(rgb_and_flow.eval().predict_streams(cls_batch(), ['student'])) == 1


def test_detection_batch_stays(build, fcos, det_batch):
    model = build(teacher=dict(model=fcos()), student=dict(model=fcos()))
    batch = det_batch()
    before = copy.deepcopy(batch)
    model(**batch, mode='loss')
    model.eval().predict_streams(batch)
    for own, image in zip(batch['inputs'], before['inputs']):
        assert torch.equal(own, image)
    for own, sample in zip(batch['data_samples'], before['data_samples']):
        assert own.metainfo == sample.metainfo
        assert torch.equal(own.gt_instances.bboxes, sample.gt_instances.bboxes)
        assert 'pred_instances' not in own


def test_a_2d_student_reads_the_frames_of_the_clips_of_a_3d_teacher(
    build, recognizer, clip_batch
):
    """One clip for both: frames in the order of time, normalised alike."""
    model = build(
        teacher=dict(
            model=recognizer('Recognizer3D'), frozen=True, input_shape=(1, 3, 4, 32, 32)
        ),
        student=dict(model=recognizer(), input_shape=(4, 3, 32, 32)),
        transfers=dict(
            loss_x=dict(
                source='teacher.cls_head',
                target='student.cls_head',
                loss=dict(type='KLDLoss'),
            )
        ),
    )
    batch = clip_batch((1, 3, 4, 32, 32))
    batches = model.batches(batch, ['teacher', 'student'], False)
    clips, frames = (batches[name]['inputs'] for name in ('teacher', 'student'))
    assert torch.equal(frames, clips[:, 0].transpose(1, 2))
    losses = model(**batch, mode='loss')
    assert losses['loss_x'].requires_grad


def test_frames_are_no_clips(build, recognizer, clip_batch):
    model = build(
        teacher=dict(model=recognizer('Recognizer3D'), input_shape=(1, 3, 4, 32, 32)),
        student=dict(model=recognizer(), input_shape=(4, 3, 32, 32)),
    )
    with pytest.raises(ValueError, match="`teacher` reads clips .* frames.*'NCTHW'"):
        model(**clip_batch((4, 3, 32, 32)), mode='loss')


def test_data_of_several_branches_are_refused(build, fcos, det_batch):
    model = build(student=dict(model=fcos()))
    batch = {
        key: dict(sup=det_batch()[key], unsup_student=det_batch()[key])
        for key in ('inputs', 'data_samples')
    }
    message = 'several branches, sup, unsup_student.*SoftTeacher.*without `MultiBranch`'
    with pytest.raises(ValueError, match=message):
        model(**batch, mode='loss')
