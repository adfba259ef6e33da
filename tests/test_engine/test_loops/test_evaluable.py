# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Streams that the main stream's metrics cannot evaluate are left out."""

from types import SimpleNamespace

import pytest
import torch

from dynkd.engine.loops.evaluable import evaluable


@pytest.fixture
def told(monkeypatch):
    """What was logged."""
    texts = []
    monkeypatch.setattr(
        'dynkd.engine.loops.evaluable.print_log', lambda text, **_: texts.append(text)
    )
    return texts


def test_a_teacher_of_another_library_is_left_out(build, classifier, fcos, told):
    model = build(teacher=dict(model=classifier()), student=dict(model=fcos()))
    assert evaluable(model, 'val_cfg') == ['student']
    (text,) = told
    assert '`teacher` is not evaluated: it is a model of mmpretrain' in text
    assert 'name it in `val_cfg.streams`' in text


def test_a_teacher_of_other_classes_is_left_out(build, classifier, told):
    model = build(
        teacher=dict(model=classifier(num_classes=7)), student=dict(model=classifier())
    )
    assert evaluable(model, 'test_cfg') == ['student']
    assert 'it predicts 7 classes, and `student` 5' in told[0]


def test_what_is_not_known_is_evaluated(told):
    streams = {
        name: SimpleNamespace(model=torch.nn.Identity())
        for name in ('teacher', 'student')
    }
    model = SimpleNamespace(
        all_streams=streams, main_stream='student', stream=streams.get
    )
    assert evaluable(model, 'val_cfg') == ['teacher', 'student'] and told == []
