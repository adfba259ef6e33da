# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A frozen stream costs nothing that it need not."""

import copy
import gc
import pickle
import weakref

import pytest
import torch
import torch.nn as nn
from mmengine.model import ExponentialMovingAverage
from mmengine.runner.checkpoint import load_state_dict


@pytest.fixture
def static(build, classifier, kld):
    return build(
        teacher=dict(model=classifier(), frozen=True),
        student=dict(model=classifier()),
        transfers=dict(loss_kld=kld('teacher', 'student')),
    )


def test_is_in_no_book(static):
    books = (static.state_dict(), dict(static.named_parameters()))
    for book in (*books, dict(static.named_buffers()), dict(static.named_modules())):
        assert book and not any('teacher' in key for key in book)
    assert not any(p.requires_grad for p in static.stream('teacher').model.parameters())


def test_stays_in_evaluation_mode(static):
    for mode in (True, False, True):
        static.train(mode)
        assert not any(m.training for m in static.stream('teacher').model.modules())
        assert static.stream('student').model.training is mode


def test_dropout_of_a_frozen_teacher_rests(build, classifier, cls_batch, kld):
    """The teacher says the same in two steps, although its head has dropout."""
    teacher = classifier()
    teacher['head'].update(
        type='StackedLinearClsHead', mid_channels=[16], dropout_rate=0.5
    )
    model = build(
        teacher=dict(model=teacher, frozen=True),
        student=dict(model=classifier()),
        transfers=dict(loss_kld=kld('teacher', 'student')),
    )
    dropouts = [
        m
        for m in model.stream('teacher').model.modules()
        if isinstance(m, torch.nn.Dropout)
    ]
    assert dropouts and all(m.p == 0.5 and not m.training for m in dropouts)
    said = []
    model.stream('teacher').model.head.register_forward_hook(
        lambda module, args, output: said.append(output)
    )
    for _ in range(2):
        model(**cls_batch(), mode='loss')
    torch.testing.assert_close(said[0], said[1], rtol=0, atol=0)


def test_builds_no_graph(static, cls_batch):
    seen = []
    static.stream('teacher').model.head.register_forward_hook(
        lambda module, args, output: seen.append(output)
    )
    static(**cls_batch(), mode='loss')
    assert len(seen) == 1 and not seen[0].requires_grad


def test_runs_once_however_many_taps_there_are(build, classifier, cls_batch, kld):
    taps = ['backbone.layer1', 'backbone.layer2.0', 'backbone[0]', 'backbone[1]']
    transfers = {
        f'loss_{index}': dict(
            source=f'teacher.{tap}',
            target=f'student.{tap}',
            loss=dict(type='FeatureLoss'),
        )
        for index, tap in enumerate(taps)
    }
    model = build(
        teacher=dict(model=classifier(), frozen=True),
        student=dict(model=classifier()),
        transfers=dict(transfers, loss_kld=kld('teacher', 'student')),
    )
    teacher = model.stream('teacher').model
    ran = []
    for name in ('backbone', 'head'):
        teacher.get_submodule(name).register_forward_hook(
            lambda module, args, output, name=name: ran.append(name)
        )
    model(**cls_batch(), mode='loss')
    assert ran == ['backbone', 'head']
    ran.clear()
    model.eval().predict_streams(cls_batch())
    assert ran.count('backbone') == 1


def test_that_no_transfer_reads_is_not_even_given_the_images(
    build, classifier, cls_batch
):
    model = build(
        teacher=dict(model=classifier(), frozen=True), student=dict(model=classifier())
    )
    ran = []
    for module in model.stream('teacher').model.modules():
        module.register_forward_hook(lambda module, args, output: ran.append(module))
    assert set(model(**cls_batch(), mode='loss')) == {'student/loss'}
    assert not ran


def test_has_no_losses_of_its_own(static, cls_batch):
    losses = static(**cls_batch(), mode='loss')
    assert set(losses) == {'student/loss', 'loss_kld', 'kld/share'}


def test_moves_and_casts_with_the_others(static):
    teacher = static.stream('teacher').model
    assert static.double() is static
    assert {p.dtype for p in teacher.parameters()} == {torch.float64}
    static.to(torch.float32)
    assert {p.dtype for p in teacher.parameters()} == {torch.float32}
    static.to('meta')
    assert {p.device.type for p in teacher.parameters()} == {'meta'}
    assert teacher.data_preprocessor.device.type == 'meta'


def test_checkpoint_round_trip(static, build, classifier, kld, cls_batch):
    """The trained streams come from the checkpoint, the frozen one from its own."""
    other = build(
        teacher=dict(model=classifier(), frozen=True),
        student=dict(model=classifier()),
        transfers=dict(loss_kld=kld('teacher', 'student')),
    )
    other.load_state_dict(static.state_dict(), strict=True)
    own, its = static.eval().val_step(cls_batch()), other.eval().val_step(cls_batch())
    for a, b in zip(own, its):
        torch.testing.assert_close(a.pred_score, b.pred_score)


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('load', [nn.Module.load_state_dict, load_state_dict])
def test_checkpoint_of_a_plain_model_is_refused(static, load, prefix):
    """Nothing of it fits, and MMEngine would only warn, and test random weights."""
    whole = nn.ModuleDict(dict(module=static)) if prefix else static
    plain = static.stream('student').model.state_dict()
    message = (
        f'none of its keys begins with `{prefix}streams.student.`. Its keys '
        rf'\({len(plain)}\): {prefix}backbone.conv1.weight, .*'
        r'set `streams.<name>.checkpoint`; to test an exported'
    )
    with pytest.raises(RuntimeError, match=message):
        load(whole, {prefix + k: v for k, v in plain.items()}, strict=False)
    # The frozen teacher is in no checkpoint.
    teacher = static.stream('teacher').model.state_dict()
    state = {f'{prefix}streams.teacher.{k}': v for k, v in teacher.items()}
    with pytest.raises(RuntimeError, match='is not of this distillation'):
        load(whole, state, strict=False)
    load(whole, {f'{prefix}streams.student.x': torch.zeros(1)}, strict=False)


def test_checkpoint_of_frozen_stream_is_loaded(build, classifier, tmp_path, kld):
    path = tmp_path / 'teacher.pth'
    first = build(student=dict(model=classifier()))
    # Running statistics and a prefix of data-parallel training belong to it.
    state = first.stream('student').model.state_dict()
    state['backbone.bn1.running_mean'] += 3
    torch.save(dict(state_dict={f'module.{k}': v for k, v in state.items()}), path)
    model = build(
        teacher=dict(model=classifier(), frozen=True, checkpoint=str(path)),
        student=dict(model=classifier()),
        transfers=dict(loss_kld=kld('teacher', 'student')),
    )
    loaded = model.stream('teacher').model.state_dict()
    assert loaded.keys() == state.keys()
    for key, value in state.items():
        torch.testing.assert_close(loaded[key], value, rtol=0, atol=0)


def test_trained_stream_keeps_its_checkpoint_when_weights_are_initialised(
    build, classifier, tmp_path
):
    path = tmp_path / 'student.pth'
    state = build(student=dict(model=classifier())).stream('student').model.state_dict()
    torch.save(state, path)
    model = build(student=dict(model=classifier(), checkpoint=str(path)))
    for key, value in model.stream('student').model.state_dict().items():
        torch.testing.assert_close(value, state[key], rtol=0, atol=0)


def test_frozen_stream_without_checkpoint_is_initialised(build, classifier):
    teacher = classifier()
    teacher['head']['init_cfg'] = dict(type='Constant', layer='Linear', val=0.5)
    model = build(
        teacher=dict(model=teacher, frozen=True), student=dict(model=classifier())
    )
    weight = model.stream('teacher').model.head.fc.weight
    torch.testing.assert_close(weight, torch.full_like(weight, 0.5))


def test_deepcopy_pickle_and_moving_average(static, cls_batch):
    static(**cls_batch(), mode='loss')
    batch = cls_batch()
    expected = static.eval().val_step(batch)[0].pred_score
    for twin in (
        copy.deepcopy(static),
        pickle.loads(pickle.dumps(static)),
        ExponentialMovingAverage(static).module,
    ):
        torch.testing.assert_close(twin.val_step(batch)[0].pred_score, expected)
        assert twin.stream('teacher').model is not static.stream('teacher').model
        twin.train()
        losses = twin(**batch, mode='loss')
        assert set(losses) == {'student/loss', 'loss_kld', 'kld/share'}


def test_nothing_is_held_after_a_step(static, cls_batch):
    held = []

    def hold(module, args, output):
        held.append(weakref.ref(output))

    handles = [
        static.stream(n).model.head.register_forward_hook(hold)
        for n in static.all_streams
    ]
    losses = static(**cls_batch(), mode='loss')
    static.parse_losses(losses)[0].backward()
    for handle in handles:
        handle.remove()
    del losses
    gc.collect()
    assert len(held) == 2 and all(output() is None for output in held)
    for name in static.all_streams:
        modules = static.stream(name).model.modules()
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in modules)


def test_building_changes_no_random_numbers_and_no_buffers(build, classifier):
    """The dry run leaves no trace: the streams are as if built alone."""

    def state(**cfg):
        torch.manual_seed(3)
        model = build(student=dict(model=classifier()), **cfg)
        return model.stream('student').model.state_dict(), torch.rand(1)

    feature = dict(
        source='student.backbone.layer4.0',
        target='student.backbone.layer4.1',
        loss=dict(type='FeatureLoss'),
    )
    plain, plain_draw = state()
    tried, tried_draw = state(transfers=dict(loss_self=feature))
    assert all(torch.equal(plain[key], tried[key]) for key in plain)
    assert torch.equal(plain_draw, tried_draw)
