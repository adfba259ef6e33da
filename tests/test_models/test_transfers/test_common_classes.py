# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Streams that predict different classes learn from the common ones."""

import pytest
import torch

from dynkd.models.transfers.common_classes import CommonClasses

TEN = [f'class {index}' for index in range(10)]


def scores(*shape: int) -> torch.Tensor:
    return torch.arange(float(torch.Size(shape).numel())).reshape(shape)


def test_common_names_are_compared_in_one_order():
    own = CommonClasses(dict(source=['c', 'x', 'a'], target=['a', 'b', 'c', 'd']))
    assert own.source(scores(2, 3)).tolist() == scores(2, 3)[:, [0, 2]].tolist()
    assert own.target(scores(2, 4)).tolist() == scores(2, 4)[:, [2, 0]].tolist()


def test_indices_are_compared_one_by_one():
    own = CommonClasses(dict(source=[0, 1], target=[3, 2]))
    levels = [scores(2, 4, 3, 3), scores(2, 4, 2, 2)]
    for found, level in zip(own.target(levels), levels):
        assert torch.equal(found, level[:, [3, 2]])
    assert torch.equal(own.source(scores(1, 5, 2)), scores(1, 5, 2))


def test_the_background_of_a_detector_is_left_out():
    own = CommonClasses(dict(source=['a', 'b'], target=['b', 'a']))
    assert own.source(scores(3, 3)).shape == (3, 2)


@pytest.mark.parametrize(
    ('classes', 'error', 'message'),
    [
        (dict(source=['a'], target=['b']), ValueError, '0 classes of the source'),
        (dict(source=[0, 1], target=[0]), ValueError, '2 classes .* and 1 of the'),
        (dict(source=['a'], target=[0]), TypeError, 'both sides are names'),
        (dict(source=['a', 'a'], target=['a']), TypeError, 'each once'),
        (dict(source=[0, 'a'], target=[0]), TypeError, 'names, or of indices'),
        (dict(source=[0]), ValueError, 'needs both'),
        (dict(source=[0], targets=[0]), ValueError, 'did you mean `target`'),
    ],
)
def test_what_does_not_fit_is_refused(classes, error, message):
    with pytest.raises(error, match=f'(?i)`classes`.*{message}'):
        CommonClasses(classes)


@pytest.mark.parametrize(
    ('classes', 'channels'), [(dict(source=['a'], target=['a']), 9), (None, 3)]
)
def test_scores_that_are_not_of_these_classes(classes, channels):
    own = CommonClasses(classes or dict(source=[3], target=[3]))
    with pytest.raises(ValueError, match=f'the source has {channels} scores'):
        own.source(scores(2, channels))


def test_two_teachers_of_half_the_classes_each(build, classifier, cls_batch):
    """The divergence is that of the renormalised common classes."""
    streams = {
        name: dict(model=classifier(num_classes=5), frozen=True)
        for name in ('first', 'second')
    }
    streams['student'] = dict(model=classifier(num_classes=10))
    halves = dict(first=TEN[:5], second=TEN[5:])
    model = build(
        streams=streams,
        transfers={
            f'loss_{name}': dict(
                source=f'{name}.head',
                target='student.head',
                loss=dict(type='KLDLoss'),
                classes=dict(source=names, target=TEN),
            )
            for name, names in halves.items()
        },
    )
    seen = {}
    for name in streams:
        model.stream(name).model.head.register_forward_hook(
            lambda module, args, output, name=name: seen.update({name: output})
        )
    losses = model(**cls_batch(num_classes=10), mode='loss')
    for name, part in (('first', slice(0, 5)), ('second', slice(5, 10))):
        reference = seen[name].softmax(1)
        student = seen['student'][:, part].log_softmax(1)
        expected = (reference * (reference.log() - student)).sum(1).mean()
        torch.testing.assert_close(losses[f'loss_{name}'], expected)


def test_without_it_the_message_names_it(build, classifier, kld):
    with pytest.raises(ValueError, match='5 and 10 classes.*`classes`'):
        build(
            teacher=dict(model=classifier(num_classes=10)),
            student=dict(model=classifier()),
            transfers=dict(loss_x=kld('teacher', 'student')),
        )


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_the_same_classes_in_half_precision(dtype):
    """Which has no 257 (bfloat16), and no 2049."""
    taken = [257, 999, 2049]
    own = CommonClasses(dict(source=taken, target=[0, 1, 2]))
    value = torch.zeros(1, 2050, dtype=dtype)
    value[0, taken] = 1
    assert own.source(value).tolist() == [[1, 1, 1]]
