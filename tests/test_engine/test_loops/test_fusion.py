# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Averages of scores: what is averaged, and what is refused."""

import copy
import math

import pytest
import torch
from mmengine.dataset import DefaultSampler
from mmengine.structures import BaseDataElement
from torch.utils.data import BatchSampler, DataLoader, RandomSampler

from dynkd.engine.loops.fusion import Fusion, same_order


@pytest.mark.parametrize(
    'fused, error, message',
    [
        (dict(student=1.0, tutor=1.0), ValueError, 'names `tutor`, which is not eval'),
        (dict(student=1.0), ValueError, 'averages two streams or more'),
        ({}, ValueError, 'averages two streams or more'),
        (
            dict(student=1.0, teacher=-0.1),
            ValueError,
            'teacher` must not be negative',
        ),
        (dict(student=1.0, teacher=math.nan), ValueError, 'teacher` must be finite'),
        (dict(student=0.0, teacher=0), ValueError, 'all weights are zero'),
        (dict(student='1', teacher=1), TypeError, 'student` must be a number'),
        (dict(student=True, teacher=1), TypeError, 'student` must be a number'),
        (['student', 'teacher'], TypeError, 'is a dict of weights'),
    ],
)
def test_weights_that_cannot_be_are_refused(fused, error, message):
    with pytest.raises(error, match=message):
        Fusion(fused, ['student', 'teacher'])


def test_a_stream_called_fused_collides():
    with pytest.raises(ValueError, match='a stream named `fused`'):
        Fusion(dict(fused=1.0, student=1.0), ['student', 'fused'])


def samples(*rows, **fields):
    rows = torch.tensor(rows)
    return [BaseDataElement(pred_score=row, **fields) for row in rows]


def fuse(student, teacher):
    return Fusion(dict(student=1.0, teacher=3.0), ['student', 'teacher'])(
        0, dict(student=student, teacher=teacher)
    )


def test_predictions_without_scores():
    with pytest.raises(
        ValueError, match=r'`teacher` \(BaseDataElement\) have no tensor'
    ):
        fuse(samples([0.5, 0.5]), [BaseDataElement(boxes=torch.ones(4))])


def test_scores_of_each_clip():
    with pytest.raises(ValueError, match=r"\(2, 2\), .*set `average_clips='prob'`"):
        fuse(samples([[0.5, 0.5], [1.0, 0.0]]), samples([0.5, 0.5]))


def test_other_numbers_of_classes():
    with pytest.raises(ValueError, match='`student` and `teacher` .* 2 and 3 classes'):
        fuse(samples([0.5, 0.5]), samples([0.5, 0.25, 0.25]))


def test_probabilities_are_not_averaged_with_logits():
    message = 'scores of `{}` are probabilities and those of `{}` are not'
    prob, logit = samples([0.25, 0.75]), samples([3.0, -1.0])
    with pytest.raises(ValueError, match=message.format('student', 'teacher')):
        fuse(prob, logit)
    with pytest.raises(ValueError, match=message.format('teacher', 'student')):
        fuse(logit, prob)


def test_logits_are_averaged_with_logits():
    (fused,) = fuse(samples([3.0, -1.0]), samples([-1.0, 1.0]))
    assert fused.pred_score.tolist() == [0.0, 0.5]
    assert fused.pred_label.tolist() == [1]


def test_half_precision_is_averaged_in_single():
    half = samples([0.3, 0.7])
    half[0].pred_score = half[0].pred_score.half()
    (fused,) = fuse(half, samples([0.3, 0.7]))
    assert fused.pred_score.dtype == torch.float32
    assert torch.allclose(fused.pred_score, torch.tensor([0.3, 0.7]), atol=1e-3)


def test_what_is_averaged_stays_as_it_is():
    student, teacher = samples([1.0, 0.0]), samples([0.0, 1.0])
    fuse(student, teacher)
    assert student[0].pred_score.tolist() == [1.0, 0.0]
    assert teacher[0].pred_score.tolist() == [0.0, 1.0]
    assert 'pred_label' not in student[0]


@pytest.mark.parametrize(
    'sampler, shuffle, same',
    [(None, False, True), (None, True, False), (True, None, False)],
)
def test_the_order_of_batches_is_known(sampler, shuffle, same):
    data = list(range(4))
    if sampler is None:
        assert same_order(DataLoader(data, shuffle=shuffle)) is same
    else:
        assert same_order(DataLoader(data, sampler=RandomSampler(data))) is same


def test_samplers_of_mmengine_say_whether_they_shuffle():
    data = list(range(4))
    for shuffle in (True, False):
        sampler = DefaultSampler(data, shuffle=shuffle)
        assert same_order(DataLoader(data, sampler=sampler)) is not shuffle


def test_batch_samplers_of_other_kinds_are_not_trusted():
    class Own(BatchSampler):
        pass

    batches = Own(DefaultSampler(list(range(4)), shuffle=False), 2, False)
    assert not same_order(DataLoader(list(range(4)), batch_sampler=batches))


def test_recognizers_and_their_metric():
    """Four videos; the student alone has 2 right, the teacher 2, the average 3."""
    structures = pytest.importorskip('mmaction.structures')
    from mmaction.evaluation import AccMetric

    def predict(*rows):
        found = []
        for row, label in zip(rows, (0, 1, 2, 2)):
            sample = structures.ActionDataSample(metainfo=dict(video_id=str(label)))
            found.append(sample.set_gt_label(label).set_pred_score(torch.tensor(row)))
        return found

    sure, torn, lost = [0.8, 0.1, 0.1], [0.4, 0.35, 0.25], [0.1, 0.6, 0.3]
    streams = dict(
        student=predict(sure, torn, [0.1, 0.1, 0.8], lost),
        teacher=predict(torn, [0.2, 0.6, 0.2], torn, lost),
    )
    fused = Fusion(dict(student=1, teacher=1), list(streams))(0, streams)
    found = []
    for samples in (*streams.values(), fused):
        metric = AccMetric('top_k_accuracy', metric_options={})
        metric.process(None, [copy.deepcopy(s).to_dict() for s in samples])
        found.append(metric.evaluate(4)['acc/top1'])
    assert found == [0.5, 0.5, 0.75]
    assert [sample.video_id for sample in fused] == ['0', '1', '2', '2']
    assert [int(sample.pred_label) for sample in fused] == [0, 1, 2, 1]
