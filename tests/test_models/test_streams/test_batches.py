# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Batches are preprocessed once for streams alike, and nobody's changes are seen."""

import copy

import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData
from torch import nn

from dynkd.models.streams import copy_batch
from dynkd.models.streams.batch_augments import alike, draws


def counted(model, monkeypatch) -> dict[str, int]:
    """Count how often the data preprocessor of each stream runs, from now on."""
    counts = dict.fromkeys(model.all_streams, 0)
    for name, stream in model.all_streams.items():
        preprocessor = stream.model.data_preprocessor
        plain = preprocessor.forward

        def forward(data, training=False, name=name, plain=plain):
            counts[name] += 1
            return plain(data, training)

        monkeypatch.setattr(preprocessor, 'forward', forward)
    return counts


@pytest.fixture
def pair(build, classifier, kld):
    """A classifier and a frozen teacher, of other arguments if told."""

    def make(teacher=None, **stream):
        config = classifier()
        config['data_preprocessor'] = dict(
            config['data_preprocessor'], **(teacher or {})
        )
        return build(
            teacher=dict(model=config, frozen=True, **stream),
            student=dict(model=classifier()),
            transfers=dict(loss_kld=kld('teacher', 'student')),
        )

    return make


def test_streams_alike_are_prepared_once(pair, cls_batch, monkeypatch):
    model = pair()
    # Grouped before the counters replace what is compared.
    before = model(**cls_batch(), mode='loss')
    counts = counted(model, monkeypatch)
    after = model(**cls_batch(), mode='loss')
    assert sorted(counts.values()) == [0, 1]
    assert before.keys() == after.keys()
    model.eval().predict_streams(cls_batch())
    assert sorted(counts.values()) == [0, 2]


def test_streams_that_normalise_differently_have_their_own(
    pair, cls_batch, monkeypatch
):
    model = pair(dict(mean=[0.0] * 3))
    model(**cls_batch(), mode='loss')
    counts = counted(model, monkeypatch)
    model(**cls_batch(), mode='loss')
    assert list(counts.values()) == [1, 1]


def test_sharing_changes_no_loss(pair, cls_batch, monkeypatch):
    model, batch = pair(), cls_batch()
    shared = model(**batch, mode='loss')
    monkeypatch.setattr(model.batches, '_share', lambda one, other: False)
    model.batches._groups.clear()
    apart = model(**batch, mode='loss')
    assert shared.keys() == apart.keys()
    for name in shared:
        torch.testing.assert_close(shared[name], apart[name], rtol=0, atol=0)


def test_replaced_augmentations_end_the_sharing(pair, cls_batch, monkeypatch):
    """MMPretrain's SwitchRecipeHook replaces them while a training runs."""
    from mmpretrain.models.utils import RandomBatchAugment

    model = pair()
    model(**cls_batch(), mode='loss')
    counts = counted(model, monkeypatch)
    augments = RandomBatchAugment([dict(type='Mixup', alpha=1.0)], probs=None)
    model.stream('student').model.data_preprocessor.batch_augments = augments
    model(**cls_batch(), mode='loss')
    assert list(counts.values()) == [1, 1]


@pytest.mark.parametrize('library', ['mmpretrain', 'mmdet', 'mmaction'])
def test_no_stream_sees_what_another_writes(
    library, build, classifier, fcos, recognizer, cls_batch, det_batch, clip_batch
):
    """A model may write into its data samples, into their instances and tensors."""
    config, batch = {
        'mmpretrain': (classifier, cls_batch),
        'mmdet': (fcos, det_batch),
        'mmaction': (recognizer, clip_batch),
    }[library]
    streams = dict(first=dict(model=config()), second=dict(model=config()))
    model = build(streams=streams)
    data = batch()
    untouched = copy.deepcopy(data['data_samples'])
    prepared = model.batches(data, ['first', 'second'], True)
    for sample in prepared['first']['data_samples']:
        sample.set_metainfo(dict(secret=1))
        sample.set_field(torch.ones(1), 'written')
        for value in sample.values():
            if isinstance(value, torch.Tensor):
                value.fill_(7)
            elif isinstance(value, InstanceData):
                value.bboxes.mul_(0).add_(3)
                value.labels = value.labels + 1
    for own, before in zip(prepared['second']['data_samples'], untouched):
        assert 'secret' not in own.metainfo and 'written' not in own
        for key, value in before.items():
            now = getattr(own, key)
            if isinstance(value, torch.Tensor):
                assert torch.equal(now, value)
            else:
                assert torch.equal(now.bboxes, value.bboxes)
                assert torch.equal(now.labels, value.labels)


def test_copies_share_what_nobody_writes_to():
    element = BaseDataElement(metainfo=dict(img_path='x.jpg'), label=torch.zeros(1))
    image = torch.zeros(3, 4, 4)
    copied = copy_batch(dict(inputs=[image], data_samples=[element]))
    assert copied['inputs'][0] is image
    own = copied['data_samples'][0]
    assert own is not element and type(own) is BaseDataElement
    assert own.img_path is element.img_path
    assert own.label is not element.label and torch.equal(own.label, element.label)
    own.set_metainfo(dict(more=1))
    assert element.metainfo_keys() == ['img_path']
    other = copy_batch(dict(inputs=[image], data_samples=None), images=True)
    assert other['inputs'][0] is not image and other['data_samples'] is None


@pytest.mark.parametrize(
    ('one', 'other', 'same'),
    [
        (dict(a=[1, 2.0]), dict(a=[1, 2.0]), True),
        (dict(a=[1, 2.0]), dict(a=[1, 2.5]), False),
        (dict(a=1), dict(b=1), False),
        (1, 1.0, False),
        (torch.ones(2), torch.ones(2), True),
        (torch.ones(2), torch.ones(3), False),
        (nn.Dropout(0.5), nn.Dropout(0.5), True),
        (nn.Dropout(0.5), nn.Dropout(0.5).eval(), True),
        (nn.Dropout(0.5), nn.Dropout(0.6), False),
        (lambda x: x, lambda x: x + 1, False),
        (len, len, True),
        (object(), object(), False),
    ],
)
def test_alike(one, other, same):
    assert alike(one, other) is same


def test_who_draws(classifier, fcos, build):
    mixes = classifier(train_cfg=dict(augments=dict(type='Mixup', alpha=1.0)))
    streams = dict(plain=dict(model=classifier()), mixes=dict(model=mixes))
    model = build(streams=streams)
    preprocessors = {
        name: stream.model.data_preprocessor
        for name, stream in model.all_streams.items()
    }
    assert not draws(preprocessors['plain']) and draws(preprocessors['mixes'])
    # Of a class that nobody knows, all is possible.
    assert draws(nn.Identity())


def test_who_sees_no_data_samples_shares_those_of_the_others(pair, cls_batch):
    """A frozen teacher that only its taps are read of; and what learns copies none."""
    model = pair()
    batches = model.batches(cls_batch(), ['teacher', 'student'], True)
    assert batches['teacher']['data_samples'] is batches['student']['data_samples']
    # In validation, each writes its own predictions into them.
    batches = model.batches(cls_batch(), ['teacher', 'student'], False)
    assert batches['teacher']['data_samples'] is not batches['student']['data_samples']


def test_channels_last_is_a_streams_own(build, classifier, cls_batch, kld):
    def losses(**student):
        torch.manual_seed(0)
        model = build(
            teacher=dict(model=classifier(), frozen=True),
            student=dict(model=classifier(), **student),
            transfers=dict(loss_kld=kld('teacher', 'student')),
        )
        seen = {}
        for name in model.all_streams:
            model.stream(name).model.backbone.register_forward_pre_hook(
                lambda module, args, name=name: seen.update({name: args[0]})
            )
        found = model(**cls_batch(), mode='loss')
        weight = model.stream('student').model.backbone.layer2[0].conv1.weight
        order = dict(memory_format=torch.channels_last)
        ordered = [t.is_contiguous(**order) for t in (*seen.values(), weight)]
        return found, ordered

    plain, ordered = losses()
    assert not any(ordered)
    other, ordered = losses(channels_last=True)
    assert ordered == [False, True, True]
    assert plain.keys() == other.keys()
    for name, value in plain.items():
        torch.testing.assert_close(other[name], value, rtol=1e-4, atol=1e-5)


def test_a_frozen_teacher_of_fewer_classes_mixes_labels(build, classifier, cls_batch):
    """CutMix writes scores of all classes: the labels' are the student's."""
    augments = dict(augments=[dict(type='CutMix', alpha=1.0)])
    models = [classifier(num_classes=count) for count in (3, 5)]
    for model in models:
        model['data_preprocessor']['batch_augments'] = augments
    model = build(
        teacher=dict(model=models[0], frozen=True),
        student=dict(model=models[1]),
        transfers=dict(
            loss_x=dict(
                source='teacher.neck[0]',
                target='student.neck[0]',
                loss=dict(type='FeatureLoss'),
            )
        ),
    )
    losses = model(**cls_batch(), mode='loss')
    assert losses['student/loss'] > 0
    # Both see the same images, and share the batch.
    names = list(model.all_streams)
    assert model.batches._grouped(names) == [names]


def test_random_resizing_of_two_detectors_is_drawn_once(
    build, fcos, det_batch, progress
):
    """As YOLOX has it, whose teacher and student must see images of one size."""
    resize = dict(
        type='BatchSyncRandomResize',
        random_size_range=(32, 128),
        size_divisor=32,
        interval=1,
    )
    models = [fcos() for _ in range(2)]
    for model in models:
        model['data_preprocessor']['batch_augments'] = [resize]
    model = build(
        teacher=dict(model=models[0], frozen=True),
        student=dict(model=models[1]),
        transfers=dict(
            loss_x=dict(
                source='teacher.neck',
                target='student.neck',
                loss=dict(type='FeatureLoss'),
            )
        ),
    )
    sizes = set()
    for step in range(8):
        progress(iter=step)
        batches = model.batches(det_batch(), ['teacher', 'student'], True)
        one, other = (batches[name]['inputs'] for name in ('teacher', 'student'))
        assert torch.equal(one, other)
        sizes.add(tuple(one.shape[2:]))
    assert len(sizes) > 1
