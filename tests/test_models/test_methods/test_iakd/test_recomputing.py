# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Modules that run again in the backward pass: refused where gradients would differ."""

import pytest
import torch
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing

from dynkd.models.methods.iakd import Interaction, read_pairs, swapped_in
from dynkd.models.schedules import Progress

SHAPE = (3, 32, 32)
L = 'backbone.layer'
BLOCK = dict(student=f'{L}1.1', teacher=[f'{L}1.1', f'{L}1.2'])
INSIDE = dict(student=f'{L}1.1.conv1', teacher=f'{L}1.1.conv1')


def pair(student, teacher, *pairs) -> Interaction:
    interaction = Interaction(0.5, pairs=pairs)
    interaction.pair(student, teacher, SHAPE, SHAPE)
    return interaction


def gradients(student, teacher, images) -> dict[str, torch.Tensor]:
    """The gradients of the student when a block is the teacher's."""
    student.train().zero_grad(set_to_none=True)
    with swapped_in(student, teacher, read_pairs([BLOCK])):
        loss = student.backbone(images)[0].pow(2).mean()
    loss.backward()
    return {n: p.grad for n, p in student.named_parameters() if p.grad is not None}


def assert_same(found, expected) -> None:
    assert found.keys() == expected.keys()
    assert not any(name.startswith(f'{L}1.1.') for name in found)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient)


def test_why_it_is_refused(thin, images):
    """The gradients of a checkpointed stage are not those of the hybrid network."""
    student, teacher = thin(20), thin(32)
    expected = gradients(student, teacher, images)
    turn_on_activation_checkpointing(student, f'{L}1')
    assert gradients(student, teacher, images).keys() != expected.keys()


def test_a_teacher_that_runs_again(thin):
    teacher = thin(20)
    teacher.backbone.layer1[1].with_cp = True
    with pytest.raises(ValueError, match='layer1.1` of the teacher.*`with_cp=False`'):
        pair(thin(20), teacher, BLOCK)
    pair(thin(20), teacher, dict(student=f'{L}1.1', teacher=f'{L}1.2'))


def test_a_block_around_a_pair_that_runs_again(thin):
    student = thin(20)
    student.backbone.layer1[1].with_cp = True
    message = r'layer1.1.conv1` lies in `backbone.layer1.1` of the student.*backward'
    with pytest.raises(ValueError, match=message):
        pair(student, thin(20), INSIDE)
    pair(student, thin(20), dict(INSIDE, student=f'{L}1.2.conv1'))


def test_paired_blocks_may_run_again(thin, body, images):
    """A whole backbone of them, which has the attribute too: the gradients stay."""
    student, teacher = thin(20), thin(32)
    saving = body(
        'dynkd.ResNet6nPlus2', depth=20, stem_channels=4, base_channels=4, with_cp=True
    )
    saving.load_state_dict(student.state_dict())
    assert saving.backbone.with_cp and saving.backbone.layer1[1].with_cp
    pair(saving, teacher, BLOCK)
    assert_same(gradients(saving, teacher, images), gradients(student, teacher, images))


@pytest.fixture
def interaction(thin):
    """An interaction of two blocks, with the models of it."""
    models = thin(20), thin(32)
    return pair(*models, BLOCK, dict(student=f'{L}3.1', teacher=f'{L}3.1')), models


@pytest.mark.parametrize(
    ('around', 'inside'),
    [(f'{L}1', [f'{L}1.1']), ('backbone', [f'{L}1.1', f'{L}3.1'])],
)
def test_activation_checkpointing_around_a_pair(interaction, around, inside):
    interaction, models = interaction
    turn_on_activation_checkpointing(models[0], around)
    with pytest.raises(ValueError, match=f'^`streams.student.{around}` has') as error:
        interaction.swap(*models, Progress.current())
    listed = ', '.join(f'`streams.student.{name}`' for name in inside)
    assert str(error.value).endswith(f'themselves: {listed}.')


def test_activation_checkpointing_of_the_student(interaction):
    interaction, models = interaction
    models[0].forward = lambda inputs: models[0].backbone(inputs)
    with pytest.raises(ValueError, match='^`streams.student` has'):
        interaction.swap(*models, Progress.current())


def test_activation_checkpointing_elsewhere(interaction, images):
    """Of paired blocks, those inside of them and those beside."""
    interaction, models = interaction
    expected = gradients(*models, images)
    names = [BLOCK['student'], f'{L}1.0', f'{L}2', f'{L}3.1.conv1']
    turn_on_activation_checkpointing(models[0], names)
    with interaction.swap(*models, Progress.current()):
        pass
    assert_same(gradients(*models, images), expected)
