# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A transfer from which nobody would learn is refused, with the cause."""

import pytest
import torch.nn as nn
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing

from dynkd.models.transfers import check_graph
from dynkd.registry import MODELS


class Detaching(nn.Module):
    """A loss that takes its arguments for the other way round."""

    def forward(self, preds_S, preds_T):
        return (preds_S.detach() - preds_T).square().mean()


class Doubling(nn.Module):
    """A connector that writes into what it receives."""

    def forward(self, feature):
        return feature.mul_(2)


@pytest.fixture(autouse=True)
def registered():
    for own in (Detaching, Doubling):
        MODELS.register_module(module=own, force=True)
    yield
    for own in (Detaching, Doubling):
        MODELS.module_dict.pop(own.__name__)


@pytest.fixture
def distil(build, classifier):
    """A distillation with one transfer between features, the student built anew."""

    def build_one(*places, student=None, **transfer):
        own = classifier()
        own['backbone'].update(student or {})
        sides = {
            side: [f'{side}.backbone.{place}' for place in places]
            for side in ('teacher', 'student')
        }
        if len(places) == 1:
            sides = {side: taps[0] for side, taps in sides.items()}
        transfer.setdefault('loss', dict(type='FeatureLoss'))
        one = dict(source=sides['teacher'], target=sides['student'], **transfer)
        return build(
            teacher=dict(model=classifier()),
            student=dict(model=own),
            transfers=dict(loss_x=one),
        )

    return build_one


def test_a_tap_inside_a_checkpointed_block_is_refused(distil, cls_batch):
    model = distil('layer3.0.conv2', student=dict(with_cp=True))
    message = (
        r'`loss_x`: `student\.backbone\.layer3\.0\.conv2` gets no gradient\. It lies '
        r'inside `backbone\.layer3\.0`.*`with_cp=True`.*'
        r'Tap `student\.backbone\.layer3\.0` itself'
    )
    with pytest.raises(ValueError, match=message):
        model(**cls_batch(), mode='loss')


def test_the_checkpointed_block_itself_learns(distil, cls_batch):
    model = distil('layer3.0', student=dict(with_cp=True))
    assert model(**cls_batch(), mode='loss')['loss_x'].requires_grad


def test_checkpointing_by_the_run_is_found(distil, cls_batch):
    model = distil('layer3.0.conv2')
    student = model.stream('student').model
    turn_on_activation_checkpointing(student, 'backbone.layer3')
    message = r'inside `backbone\.layer3`.*`activation_checkpointing`'
    with pytest.raises(ValueError, match=message):
        model(**cls_batch(), mode='loss')


def test_frozen_stages_are_the_cause(distil, cls_batch):
    model = distil('layer1', student=dict(frozen_stages=1))
    with pytest.raises(ValueError, match=r'weights of `backbone\.layer1` are frozen'):
        model(**cls_batch(), mode='loss')


def test_one_of_several_targets_may_have_none(distil, cls_batch, monkeypatch):
    said = []
    name = 'dynkd.models.transfers.gradients.print_log'
    monkeypatch.setattr(name, lambda text, **_: said.append(text))
    model = distil('layer1', 'layer2', student=dict(frozen_stages=1))
    for _ in range(2):
        assert model(**cls_batch(), mode='loss')['loss_x'].requires_grad
    assert len(said) == 1 and '`student.backbone.layer1` gets no gradient' in said[0]


def test_sources_that_should_learn_are_checked_too(distil, cls_batch):
    model = distil('layer3.0.conv2', detach_source=False)
    for block in model.stream('teacher').model.backbone.layer3:
        block.with_cp = True
    with pytest.raises(ValueError, match=r'`teacher\.backbone\.layer3\.0\.conv2`'):
        model(**cls_batch(), mode='loss')


def test_it_is_checked_once_in_each_phase(distil, cls_batch, monkeypatch):
    seen = []

    def spy(transfer, *args):
        seen.append(transfer.name)
        check_graph(transfer, *args)

    monkeypatch.setattr('dynkd.models.algorithms.distillation.check_graph', spy)
    model = distil('layer3.0')
    for _ in range(2):
        model(**cls_batch(), mode='loss')
    model._begin(model.phases[0])
    model(**cls_batch(), mode='loss')
    assert seen == ['loss_x'] * 2


def test_a_loss_that_detaches_its_target_is_refused_when_built(distil):
    message = r'loss_x.*Detaching has no gradient by its target.*detaches'
    with pytest.raises(ValueError, match=message):
        distil('layer3.0', loss=dict(type='Detaching'))


def test_a_connector_may_work_in_place(distil):
    assert distil('layer3.0', target_connector=dict(type='Doubling')) is not None
