# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""One optimizer, clipping and learning rate a stream, one backward pass for all."""

import copy

import pytest
import torch
from mmengine.logging import MessageHub


def gradients(model, batch) -> dict[str, torch.Tensor]:
    losses = model(**batch, mode='loss')
    model.zero_grad()
    model.parse_losses(losses)[0].backward()
    grads = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    return grads


def test_each_stream_has_its_own_rate(model, cls_batch, wrap, sgd, values):
    grads, before = gradients(model, cls_batch()), values(model)
    wrapper = wrap(model, dict(teacher=sgd(0.01), student=sgd(0.5)))
    model.train_step(cls_batch(), wrapper)
    for name, value in values(model).items():
        lr = 0.01 if '.teacher.' in name else 0.5
        torch.testing.assert_close(value, before[name] - lr * grads[name])
    assert wrapper.get_lr() == {'teacher.lr': [0.01], 'student.lr': [0.5]}
    assert wrapper.inner_count == 1


def test_each_stream_is_clipped_by_its_own_norm(model, cls_batch, wrap, sgd, values):
    grads, before = gradients(model, cls_batch()), values(model)
    norms = {
        stream: torch.stack(
            [g.norm() for name, g in grads.items() if f'.{stream}.' in name]
        ).norm()
        for stream in model.streams
    }
    wrapper = wrap(model, dict(teacher=sgd(1.0, clip=1e-3), student=sgd(1.0)))
    log = model.train_step(cls_batch(), wrapper)
    after = values(model)
    for name in before:
        factor = 1e-3 / norms['teacher'] if '.teacher.' in name else 1.0
        expected = before[name] - factor * grads[name]
        torch.testing.assert_close(after[name], expected, rtol=1e-4, atol=1e-6)
    scalars = MessageHub.get_current_instance().log_scalars
    assert scalars['train/teacher/grad_norm'].current() == pytest.approx(
        float(norms['teacher']), rel=1e-4
    )
    assert 'train/student/grad_norm' not in scalars
    assert 'student/loss' in log


@pytest.mark.parametrize('rest', [0, 1])
def test_accumulation_equals_one_big_step(model, cls_batch, rest, wrap, sgd, values):
    """Two halves of a batch give the step of the whole, also at the end."""
    batch, twin = cls_batch(size=8), copy.deepcopy(model)
    halves = [
        dict(
            inputs=batch['inputs'][i : i + 4],
            data_samples=batch['data_samples'][i : i + 4],
        )
        for i in (0, 4)
    ]
    streams = dict(teacher=sgd(0.1, momentum=0.9), student=sgd(0.2, clip=1.0))
    once = wrap(model, copy.deepcopy(streams))
    twice = wrap(twin, streams, accumulative_counts=2)
    twice.initialize_count_status(twin, 0, 2 + rest)
    model.train_step(batch, once)
    before = values(twin)
    twin.train_step(halves[0], twice)
    assert all(torch.equal(v, before[n]) for n, v in values(twin).items())
    twin.train_step(halves[1], twice)
    if rest:
        # A remainder of one at the end of the training is a step of its own.
        model.train_step(halves[0], once)
        twin.train_step(halves[0], twice)
    for name, value in values(twin).items():
        torch.testing.assert_close(value, values(model)[name], rtol=1e-4, atol=1e-6)


def test_resting_stream_is_not_moved(model, cls_batch, wrap, sgd, values):
    """Neither momentum nor weight decay move a stream without gradients."""
    wrapper = wrap(
        model,
        dict(
            teacher=sgd(0.1, momentum=0.9, weight_decay=0.1),
            student=sgd(0.1, momentum=0.9, weight_decay=0.1),
        ),
    )
    model.train_step(cls_batch(), wrapper)
    before = values(model)
    state = copy.deepcopy(wrapper['teacher'].optimizer.state_dict()['state'])
    wrapper.update_params(model(**cls_batch(), mode='loss')['student/loss'])
    after = values(model)
    assert all(
        torch.equal(after[name], before[name]) is ('.teacher.' in name)
        for name in before
    )
    for key, own in wrapper['teacher'].optimizer.state_dict()['state'].items():
        assert torch.equal(own['momentum_buffer'], state[key]['momentum_buffer'])


def test_state_dict_round_trip(model, cls_batch, wrap, sgd, values):
    streams = dict(
        teacher=dict(optimizer=dict(type='Adam', lr=0.01)),
        student=sgd(0.1, momentum=0.9),
    )
    first = wrap(model, copy.deepcopy(streams))
    model.train_step(cls_batch(), first)
    twin = copy.deepcopy(model)
    second = wrap(twin, streams)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for own, wrapper in ((model, first), (twin, second)):
        own.train_step(cls_batch(seed=1), wrapper)
    for name, value in values(model).items():
        torch.testing.assert_close(values(twin)[name], value, rtol=0, atol=0)
