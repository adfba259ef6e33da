# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A stream that predicts nothing yet does not end the run."""

import math
from types import SimpleNamespace

import pytest
from mmengine.hooks import CheckpointHook, EarlyStoppingHook

from dynkd.engine.loops.stream_evaluator import StreamEvaluator
from dynkd.engine.loops.stream_loops import watched_metrics


class Own:
    """An evaluator whose metrics are those of each evaluation in turn."""

    def __init__(self, *metrics):
        self.metrics = list(metrics)

    def evaluate(self, size):
        return self.metrics.pop(0)


@pytest.fixture
def evaluator():
    evaluators = dict(
        teacher=Own({'mAP': 0.5}, {'mAP': 0.6}), student=Own({}, {'mAP': 0.1})
    )
    made = StreamEvaluator(evaluators, 'student')
    made.watched = lambda: ['student/mAP', 'teacher/mAP']
    return made


def test_what_is_watched_is_not_a_number(evaluator):
    metrics = evaluator.evaluate(1)
    assert metrics['teacher/mAP'] == 0.5 and math.isnan(metrics['student/mAP'])
    assert evaluator.evaluate(1) == {'teacher/mAP': 0.6, 'student/mAP': 0.1}


def test_a_stream_does_not_vanish_because_nothing_watches_it(evaluator):
    evaluator.watched = lambda: ['student_2/mAP', 'teacher/mAP']
    metrics = evaluator.evaluate(1)
    assert set(metrics) == {'teacher/mAP', 'student/mAP'}
    assert math.isnan(metrics['student/mAP'])


def test_nothing_else_is_made_up():
    none = StreamEvaluator(dict(teacher=Own({}), student=Own({})), 'student')
    assert none.evaluate(1) == {}


def test_what_a_metric_prints_is_below_the_name_of_its_stream(evaluator, monkeypatch):
    """COCO's tables look alike."""
    said = []
    monkeypatch.setattr(
        'dynkd.engine.loops.stream_evaluator.print_log',
        lambda text, **_: said.append(text),
    )
    for own in evaluator.evaluators.values():
        evaluate = own.evaluate
        own.evaluate = lambda size, f=evaluate: (said.append('table'), f(size))[1]
    evaluator.evaluate(1)
    evaluator.evaluate(1)
    assert said[:2] == ['Evaluating `student` ...', 'table']
    assert 'stream `student` has no metrics' in said[4]
    assert said[2:4] == ['Evaluating `teacher` ...', 'table']
    assert said[-4:] == said[:4]


@pytest.mark.parametrize('rule', ['greater', 'less'])
def test_it_is_no_improvement(rule):
    better = CheckpointHook.rule_map[rule]
    assert not better(math.nan, CheckpointHook.init_value_map[rule])


@pytest.mark.parametrize('built', [True, False])
def test_what_a_run_watches(built):
    plateau = SimpleNamespace(monitor='student/mAP')
    hooks = [
        CheckpointHook(save_best=['a/acc', 'b/acc'], rule='greater'),
        CheckpointHook(),
        EarlyStoppingHook(monitor='c/acc'),
    ]
    schedules = dict(student=[plateau, SimpleNamespace()])
    unbuilt = dict(type='ReduceOnPlateauLR', patience=3)
    runner = SimpleNamespace(
        hooks=hooks, param_schedulers=schedules if built else unbuilt
    )
    known = ['a/acc', 'b/acc', 'c/acc']
    assert watched_metrics(runner) == known + ['student/mAP'] * built
