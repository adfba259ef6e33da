# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest

from dynkd.models.methods.baselines import MutualTransfers


def students(build, classifier, count, **group):
    names = ['student', 'second', 'third'][:count]
    return build(
        streams={name: dict(model=classifier()) for name in names},
        transfers=dict(loss_dml=dict(type='MutualTransfers', streams=names, **group)),
    )


@pytest.mark.parametrize('count', [2, 3])
def test_each_learns_from_each_other(
    agrees, build, classifier, cls_batch, yielded, divergence, count
):
    model = students(build, classifier, count, weight=0.5)
    names = list(model.streams)
    taps = [f'{name}.head' for name in names]
    losses, outputs = yielded(model, cls_batch(), *taps)
    for name, tap in zip(names, taps):
        others = [outputs[other] for other in taps if other != tap]
        apart = [divergence(other, outputs[tap], 1.0) for other in others]
        expected = 0.5 * sum(apart) / len(apart)
        agrees('MutualTransfers', losses[f'loss_dml_{name}'].item(), expected)


def test_the_gradient_of_each_transfer_is_its_learners(build, classifier, cls_batch):
    model = students(build, classifier, 3)
    losses = model(**cls_batch(), mode='loss')
    for learner in model.streams:
        model.zero_grad()
        losses[f'loss_dml_{learner}'].backward(retain_graph=True)
        moved = {
            name
            for name, stream in model.streams.items()
            if any(p.grad is not None and p.grad.any() for p in stream.parameters())
        }
        assert moved == {learner}


def test_with_decoupled_kd_between_students(build, classifier, cls_batch):
    loss = dict(type='DecoupledKDLoss')
    model = students(build, classifier, 3, loss=loss)
    losses = model(**cls_batch(), mode='loss')
    assert all(losses[f'loss_dml_{name}'] > 0 for name in model.streams)


@pytest.mark.parametrize('names', [['student'], ['student', 'student']])
def test_too_few_streams(names):
    with pytest.raises(ValueError, match='two or more, each once'):
        MutualTransfers(names)


def test_a_weight_in_the_loss():
    loss = dict(type='KLDLoss', loss_weight=0.5)
    with pytest.raises(ValueError, match='set the `weight` of the group'):
        MutualTransfers(['a', 'b'], loss=loss)


def test_a_stream_that_does_not_exist(build, classifier):
    group = dict(type='MutualTransfers', streams=['student', 'secondd'])
    with pytest.raises(ValueError, match='there is no stream `secondd`'):
        build(
            streams=dict(student=dict(model=classifier()), b=dict(model=classifier())),
            transfers=dict(loss_dml=group),
        )


def test_three_detectors_teach_one_another(build, fcos, det_batch):
    names = ('student', 'second', 'third')
    model = build(
        streams={name: dict(model=fcos()) for name in names},
        transfers=dict(
            loss_mutual=dict(
                type='MutualTransfers',
                streams=list(names),
                tap='bbox_head[0]',
                loss=dict(type='KLDLoss', activation='sigmoid'),
            )
        ),
    )
    losses = model(**det_batch(), mode='loss')
    mutual = [value for key, value in losses.items() if key.startswith('loss_mutual')]
    assert len(mutual) == 3 and all(value > 0 for value in mutual)
