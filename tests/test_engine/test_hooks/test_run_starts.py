# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a run starts from is there, is meant, and outlives the run."""

import logging

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope

EKD = dict(loss=dict(type='EvolutionaryTransfers', within_l2=0, cross_l2=0))


@pytest.fixture
def weights(classifier, tmp_path):
    """Save a plain classifier's weights, of some number of classes."""

    def save(folder: str = 'plain', **model) -> str:
        path = tmp_path / folder / 'epoch_1.pth'
        path.parent.mkdir(exist_ok=True)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            state = MODELS.build(classifier(**model)).state_dict()
        torch.save(dict(state_dict=state, meta=dict()), path)
        return str(path)

    return save


@pytest.fixture
def logged(monkeypatch) -> list[str]:
    """What is logged as a warning."""
    found: list[str] = []

    def note(text: str, logger=None, level=logging.INFO) -> None:
        if level >= logging.WARNING:
            found.append(text)

    for place in ('engine.hooks.run_starts', 'models.streams.checkpoint'):
        monkeypatch.setattr(f'dynkd.{place}.print_log', note)
    return found


# ------------------------------------------------------------- the work directory


@pytest.mark.parametrize('kind', ['stream', 'load_from', 'init_cfg', 'out_dir'])
def test_a_run_does_not_replace_what_it_starts_from(
    runner, weights, classifier, tmp_path, kind
):
    path = weights('run')
    given: dict = dict(work_dir=str(tmp_path / 'run'))
    if kind == 'load_from':
        given.update(load_from=path)
    elif kind == 'init_cfg':
        init = dict(type='Pretrained', checkpoint=path)
        given.update(teacher=dict(model=classifier(init_cfg=init)))
    else:
        given.update(teacher=dict(checkpoint=path))
    if kind == 'out_dir':
        given['work_dir'] = str(tmp_path / 'other' / 'run')
        hook = dict(type='CheckpointHook', out_dir=str(tmp_path))
        given['default_hooks'] = dict(checkpoint=hook)
    before = torch.load(path)['state_dict']
    with pytest.raises(ValueError, match="lies in this run's own work_dir"):
        runner(**given).train()
    after = torch.load(path)['state_dict']
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_a_start_elsewhere_is_left_alone(runner, weights):
    path = weights()
    runner(teacher=dict(checkpoint=path)).train()
    assert 'optimizer' not in torch.load(path)


# ----------------------------------------------------------------- the teacher


def test_a_trained_teacher_that_knows_nothing_is_warned_of(runner, logged):
    runner().train()
    assert len(logged) == 1
    assert '`teacher` teaches `student` and has no `checkpoint`' in logged[0]


@pytest.mark.parametrize('kind', ['checkpoint', 'init_cfg', 'frozen', 'ekd', 'loaded'])
def test_others_are_not(runner, weights, classifier, kld, logged, kind, tmp_path):
    path = weights()
    given: dict = {
        'checkpoint': dict(teacher=dict(checkpoint=path)),
        'init_cfg': dict(
            teacher=dict(
                model=classifier(init_cfg=dict(type='Pretrained', checkpoint=path))
            )
        ),
        'frozen': dict(teacher=dict(frozen=True)),
        'ekd': dict(transfers=EKD),
        'loaded': {},
    }[kind]
    run = runner(**given)
    if kind == 'loaded':
        state = dict(state_dict=run.model.state_dict())
        torch.save(state, tmp_path / 'plain' / 'whole.pth')
        run = runner(load_from=str(tmp_path / 'plain' / 'whole.pth'))
    run.train()
    assert logged == []


def test_the_main_stream_is_no_teacher(runner, kld, weights, logged):
    """In DKD the teacher learns from the student too, which starts from scratch."""
    transfers = dict(loss_kld=kld('student', 'teacher'))
    runner(teacher=dict(checkpoint=weights()), transfers=transfers).train()
    assert logged == []


# ---------------------------------------------------------------- load_from


def test_plain_weights_are_loaded_into_the_student(runner, weights, logged):
    path = weights()
    run = runner(
        teacher=dict(frozen=True),
        load_from=path,
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0)),
    )
    run.train()
    state = run.model.stream('student').model.state_dict()
    for key, value in torch.load(path)['state_dict'].items():
        if 'running' not in key and 'num_batches' not in key:
            assert torch.equal(state[key], value), key
    assert logged == []


def test_a_misfitting_head_is_left_out_and_named(runner, weights, logged):
    path = weights(num_classes=7)
    run = runner(
        teacher=dict(frozen=True),
        load_from=path,
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0)),
    )
    run.train()
    state = run.model.stream('student').model.state_dict()
    loaded = torch.load(path)['state_dict']
    name = 'backbone.layer4.1.conv2.weight'
    assert torch.equal(state[name], loaded[name])
    assert state['head.fc.weight'].shape == (5, 64)
    assert len(logged) == 1 and 'head.fc.weight (7, 64) for (5, 64)' in logged[0]


def test_weights_of_another_model_are_refused(runner, weights):
    run = runner(load_from=weights(width=4))
    with pytest.raises(RuntimeError, match='does not fit the stream `student` either'):
        run.train()


def test_a_stream_with_its_own_start_keeps_it(runner, weights, logged):
    first, own = weights(), weights('own')
    run = runner(
        teacher=dict(frozen=True),
        student=dict(checkpoint=own),
        load_from=first,
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0)),
    )
    run.train()
    state = run.model.stream('student').model.state_dict()
    expected = torch.load(own)['state_dict']['head.fc.weight']
    assert torch.equal(state['head.fc.weight'], expected)
    assert len(logged) == 1 and 'is not loaded' in logged[0]


def test_plain_weights_are_neither_tested_nor_resumed(runner, weights):
    path = weights()
    run = runner(load_from=path)
    with pytest.raises(RuntimeError, match='is not of this distillation'):
        run.val()
    with pytest.raises(Exception, match='holds no state of a training'):
        runner(load_from=path, resume=True).train()
