# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Settings of a plain training become those of a distillation."""

import logging
from pathlib import Path

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.runner import ValLoop

from dynkd.engine import settings

SGD = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01))
EPOCH = dict(by_epoch=True, max_epochs=1)


@pytest.fixture
def said(monkeypatch):
    """What a runner says of its settings."""
    lines = []
    monkeypatch.setattr(
        'mmengine.logging.print_log',
        lambda text, logger=None, level=logging.INFO: lines.append(text),
    )
    return lines


def test_an_inherited_loop_evaluates_every_stream(runner, said):
    run = runner(val_cfg=dict(type='ValLoop', fp16=False), train_cfg=EPOCH)
    assert run._val_loop == dict(type='dynkd.StreamValLoop', fp16=False)
    assert any("val_cfg.type='dynkd.StreamValLoop'" in line for line in said)
    run.val()
    assert list(run.val_loop.evaluator.evaluators) == ['teacher', 'student']


@pytest.mark.parametrize(
    'loop, becomes',
    [
        (dict(), True),
        (dict(type='ValLoop'), True),
        (dict(type=ValLoop), True),
        (dict(type='mmengine.runner.ValLoop'), True),
        (dict(type='OwnValLoop'), False),
        (dict(type='dynkd.StreamValLoop', streams=['student']), False),
        (None, False),
    ],
)
def test_loops_of_other_kinds_stay(loop, becomes):
    found = settings.stream_loop(loop, 'val')
    assert (found is not None) is becomes
    assert not becomes or found['type'] == 'dynkd.StreamValLoop'


def test_a_plain_optimizer_serves_each_stream(runner, said, tmp_path_factory):
    """A stream that begins with trained weights learns at a tenth of the rate."""
    weights = tmp_path_factory.mktemp('start') / 'teacher.pth'
    donor = runner(teacher=dict(frozen=True)).model.stream('teacher')
    torch.save(donor.model.state_dict(), weights)
    run = runner(
        teacher=dict(checkpoint=str(weights)), optim_wrapper=SGD, train_cfg=EPOCH
    )
    run.train()
    rates = {
        name: own.optimizer.param_groups[0]['lr']
        for name, own in run.optim_wrapper.items()
    }
    assert rates == pytest.approx(dict(teacher=0.001, student=0.01))
    assert any('learning rate of `teacher`, which begins' in line for line in said)
    assert run.cfg.optim_wrapper.streams.teacher.optimizer.lr == 0.001


def test_streams_from_scratch_learn_alike(runner):
    assert runner(optim_wrapper=SGD).optim_wrapper == SGD
    # The norm of each stream's gradients is its own.
    clipped = runner(optim_wrapper=dict(SGD, clip_grad=dict(max_norm=1.0)))
    assert clipped.optim_wrapper['constructor'] == settings.CONSTRUCTOR


def test_what_is_written_of_streams_stays(runner, said, tmp_path):
    own = dict(
        streams=dict.fromkeys(('teacher', 'student'), dict(optimizer=dict(lr=1)))
    )
    run = runner(optim_wrapper=dict(SGD, **own))
    assert run.optim_wrapper['streams']['teacher']['optimizer']['lr'] == 1
    said.clear()
    written = dict(SGD, constructor=settings.CONSTRUCTOR)
    assert runner(optim_wrapper=written).optim_wrapper == written
    plain = runner(teacher=dict(frozen=True), optim_wrapper=SGD)
    assert plain.optim_wrapper == SGD
    assert not [line for line in said if 'optim_wrapper' in line]


def test_a_constructor_of_the_base_becomes_that_of_each_stream():
    base = dict(SGD, constructor='LearningRateDecayOptimizerConstructor')
    assert settings.needs_stream_optimizers(base, ['student'])
    found = settings.stream_optimizers(base, ['student'], {})
    assert found['constructor'] == settings.CONSTRUCTOR
    own = dict(constructor='LearningRateDecayOptimizerConstructor')
    assert found['streams'] == dict(student=own)


@pytest.mark.parametrize('best', ['accuracy/top1', 'auto', ['accuracy/top1']])
def test_a_metric_without_a_stream_is_the_main_streams(runner, best, said):
    checkpoint = dict(type='CheckpointHook', save_best=best)
    plateau = dict(type='ReduceOnPlateauLR', monitor='accuracy/top1', rule='greater')
    early = dict(type='EarlyStoppingHook', monitor='accuracy/top1', rule='greater')
    run = runner(
        default_hooks=dict(checkpoint=checkpoint),
        param_scheduler=dict(teacher=[], student=[plateau]),
        custom_hooks=[early],
        val_cfg=dict(),
        train_cfg=EPOCH,
    )
    run.train()
    found = list(Path(run.work_dir).glob('best_student_accuracy_top1_*.pth'))
    assert len(found) == 1
    assert run.param_schedulers['student'][0].monitor == 'student/accuracy/top1'
    assert any('is `student/accuracy/top1`' in line for line in said)


@pytest.mark.parametrize(
    'name, full',
    [
        ('coco/bbox_mAP', 'student/coco/bbox_mAP'),
        ('teacher/coco/bbox_mAP', 'teacher/coco/bbox_mAP'),
        ('student.branches.0/top1', 'student.branches.0/top1'),
        # Misspelt: it is told of by its own name.
        ('techer/coco/bbox_mAP', 'techer/coco/bbox_mAP'),
        ('auto', 'auto'),
    ],
)
def test_full_names_of_metrics(name, full):
    assert settings.stream_metric(name, ['teacher', 'student'], 'student') == full


@pytest.mark.parametrize(
    'evaluators, metric',
    [
        (dict(type='CocoMetric', metric=['proposal_fast', 'bbox']), 'coco/bbox_mAP'),
        ([dict(type='CocoMetric', metric='segm')], 'coco/segm_mAP'),
        (dict(type='Accuracy', topk=(5, 1)), 'accuracy/top5'),
        ([dict(type='Own'), dict(type='mmaction.AccMetric')], 'acc/top1'),
        (dict(type='IoUMetric'), 'mIoU'),
        ([dict(type='mmseg.IoUMetric', iou_metrics=['mDice', 'mIoU'])], 'mDice'),
        (ConfigDict(type='Own'), None),
        (None, None),
    ],
)
def test_the_best_follows_from_the_evaluator(evaluators, metric):
    assert settings.best_metric(evaluators) == metric


def test_a_training_is_given_its_hooks(runner, said):
    kinds = [type(hook).__name__ for hook in runner().hooks]
    for name in ('RunCheckHook', 'ExactResumeHook', 'ExportHook', 'ResultHook'):
        assert kinds.count(name) == 1
    assert any(line.startswith('Added RunCheckHook, ExactResumeHook') for line in said)
