# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DKD and DPK in one line, between models that nobody has looked at."""

import pytest
import torch

DKD, DPK = 'DynamicTransfers', 'PriorTransfers'


def group(kind: str, **more) -> dict:
    return dict(loss=dict(type=kind, **more))


def pair(first: dict, second: dict, **teacher) -> tuple[dict, dict]:
    return dict(model=first, **teacher), dict(model=second)


def taps(model) -> dict[str, str]:
    return {name: str(transfer) for name, transfer in model.transfers.items()}


def test_dkd_of_classifiers(build, classifier, cls_batch):
    streams = pair(classifier(width=16), classifier(width=8))
    model = build(*streams, transfers=group(DKD))
    assert taps(model) == {
        'loss_emd': 'teacher.backbone[1] -> student.backbone[1]',
        'loss_kld_student': 'teacher.head -> student.head',
        'loss_kld_teacher': 'student.head -> teacher.head',
    }
    losses = model(**cls_batch(), mode='loss')
    for name in model.transfers:
        assert losses[name] > 0
    # Each is as large as the task loss of its learner.
    torch.testing.assert_close(losses['loss_emd'], losses['student/loss'].detach())


def test_dkd_of_detectors(build, fcos, det_batch):
    streams = pair(fcos(channels=24), fcos(channels=16))
    model = build(*streams, transfers=group(DKD, kld_teacher=0.2))
    assert taps(model)['loss_emd'] == 'teacher.neck[2] -> student.neck[2]'
    kld = model.transfers['loss_kld_teacher']
    assert kld.loss.activation == 'sigmoid' and kld.balance.share == 0.2
    losses = model(**det_batch(), mode='loss')
    assert all(torch.isfinite(losses[name]) for name in model.transfers)


def test_dpk_of_classifiers(build, classifier, cls_batch):
    streams = pair(classifier(width=16), classifier(width=8), frozen=True)
    model = build(*streams, transfers=group(DPK))
    assert set(taps(model)) == {'loss_dpk', 'loss_kld_student'}
    losses = model(**cls_batch(size=8), mode='loss')
    # Unbiased, it may be below 0.
    assert -1 <= losses['dpk/cka'] <= 1 and losses['loss_dpk'] > 0


def test_a_frozen_teacher_learns_nothing(build, classifier):
    streams = pair(classifier(), classifier(), frozen=True)
    model = build(*streams, transfers=group(DKD))
    assert set(model.transfers) == {'loss_emd', 'loss_kld_student'}


def test_shares_of_zero_and_other_names(build, classifier):
    streams = dict(big=dict(model=classifier(width=16)), small=dict(model=classifier()))
    names = dict(teacher='big', student='small')
    model = build(streams=streams, transfers=group(DKD, emd=0, kld_teacher=0, **names))
    assert taps(model) == {'loss_kld_student': 'big.head -> small.head'}
    with pytest.raises(ValueError, match='all weights are 0'):
        build(
            streams=streams,
            transfers=group(DKD, emd=0, kld_teacher=0, kld_student=0, **names),
        )
    with pytest.raises(ValueError, match='there is no stream `student`'):
        build(streams=streams, transfers=group(DKD))


def test_models_and_random_numbers_stay_as_they_are(build, classifier):
    """Looking at them runs them."""
    streams = pair(classifier(width=16), classifier(width=8))
    transfer = dict(
        source='teacher.head', target='student.head', loss=dict(type='KLDLoss')
    )
    torch.manual_seed(0)
    plain = build(
        *pair(classifier(width=16), classifier(width=8)),
        transfers=dict(loss_x=transfer),
    )
    state = torch.get_rng_state()
    torch.manual_seed(0)
    model = build(*streams, transfers=group(DKD, emd=0, kld_teacher=0))
    assert torch.equal(torch.get_rng_state(), state)
    for key, value in plain.streams.state_dict().items():
        assert torch.equal(model.streams.state_dict()[key], value), key


@pytest.mark.parametrize('student', ['ViT', 'CNN'])
def test_dpk_between_tokens_and_maps(
    build, classifier, vision_transformer, cls_batch, student
):
    """On other grids: 8 x 8 tokens, and a last stage of 2 x 2."""
    models = [vision_transformer(), classifier()]
    taps_of = ['backbone.layers.1', 'backbone[1]']
    if student == 'ViT':
        models.reverse()
        taps_of.reverse()
    streams = pair(*models, frozen=True)
    model = build(*streams, transfers=group(DPK))
    source, target = taps_of
    assert taps(model)['loss_dpk'] == f'teacher.{source} -> student.{target}'
    losses = model(**cls_batch(size=8), mode='loss')
    assert losses['loss_dpk'] > 0 and losses['loss_dpk'].requires_grad
