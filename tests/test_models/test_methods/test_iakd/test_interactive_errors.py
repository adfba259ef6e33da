# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""IAKD: what is refused, when the model is built and in a step."""

import pytest
from mmengine.runner.activation_checkpointing import turn_on_activation_checkpointing

from dynkd.registry import MODELS


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (
            dict(interaction=dict(probability=0.0)),
            r'^interaction: probability must be .*\(0, 1\].* 0.0',
        ),
        (dict(interaction=dict(level='layer')), "'block', 'group'"),
        (dict(interaction=dict(teacher='tutor')), 'no stream `tutor`. Streams: stu'),
        (dict(interaction=dict(student='teacher')), 'stream `teacher`, must not be fr'),
        (
            dict(stream=dict(teacher=dict(frozen=False))),
            'teacher, stream `teacher`, must be `frozen=True`',
        ),
        (dict(teacher=14), r'teacher has 1 block\(s\).* 2 of the student'),
        (
            dict(
                interaction=dict(pairs=[dict(student='a', teacher='b')], level='group')
            ),
            '`pairs` names them',
        ),
        (
            dict(
                interaction=dict(
                    pairs=[
                        dict(student='backbone.layer1.0', teacher='backbone.layer2.1')
                    ]
                )
            ),
            r'interaction: pair .*\(4, 32, 32\)',
        ),
    ],
)
def test_errors(interactive, cfg, message):
    with pytest.raises(ValueError, match=message):
        interactive(**cfg)


def test_unknown_arguments(interactive):
    with pytest.raises(TypeError, match='interaction: .*probabilities'):
        interactive(interaction=dict(probabilities=0.5))


def test_no_dictionary():
    cfg = dict(type='dynkd.InteractiveDistillation', interaction=0.5, streams=dict())
    with pytest.raises(TypeError, match='`interaction` must be a dict, got 0.5'):
        MODELS.build(cfg)


def test_refused_in_a_step(interactive, cls_batch):
    """Where it lies is said there too, of the config and of nothing else."""
    model = interactive()
    student = model.stream('student').model
    turn_on_activation_checkpointing(student, 'backbone.layer1')
    with pytest.raises(ValueError, match='^interaction: `streams.student.backbone.lay'):
        model(**cls_batch(), mode='loss')
    del student.backbone.layer1.forward
    model(**cls_batch(), mode='loss')
    student.head.loss = fail
    with pytest.raises(ValueError, match='^of the head$'):
        model(**cls_batch(), mode='loss')


def fail(*args, **kwargs):
    raise ValueError('of the head')


@pytest.mark.parametrize(
    ('tap', 'level'),
    [('layer2.1.conv1', 'block'), ('layer2.2.conv2', 'group'), ('layer2.1', 'group')],
)
def test_taps_that_a_swap_would_silence(interactive, tap, level):
    transfer = dict(
        source=f'teacher.backbone.{tap}',
        target=f'student.backbone.{tap}',
        loss=dict(type='FeatureLoss'),
    )
    end = 'layer2.2' if level == 'group' else 'layer2.1'
    with pytest.raises(ValueError, match=f'Take `student.backbone.{end}`'):
        interactive(transfers=dict(loss_inside=transfer), interaction=dict(level=level))


@pytest.mark.parametrize(
    ('stage', 'level'), [('layer2.1.conv2', 'block'), ('layer2.1', 'group')]
)
def test_branches_that_a_swap_would_silence(interactive, stage, level):
    """Or that would see what the teacher's whole group gives."""
    stages = ['backbone.layer1', f'backbone.{stage}', 'backbone.layer3']
    branches = dict(module=dict(type='GuidedModule'), stages=stages)
    end = 'layer2.2' if level == 'group' else 'layer2.1'
    message = f'interaction: the stage `backbone.{stage}`.* Take `backbone.{end}`,'
    with pytest.raises(ValueError, match=message):
        interactive(
            stream=dict(student=dict(branches=branches)),
            interaction=dict(level=level),
        )
