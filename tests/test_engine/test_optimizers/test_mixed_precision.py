# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""All streams share one scaler of gradients."""

import copy
import functools
from typing import Callable

import pytest
import torch
from mmengine.optim.optimizer import amp_optimizer_wrapper

from dynkd.engine.optimizers import StreamOptimWrapper


@pytest.fixture(autouse=True)
def amp(monkeypatch) -> None:
    """Let MMEngine's mixed precision run without an accelerator."""
    module = amp_optimizer_wrapper
    monkeypatch.setattr(module, 'is_cuda_available', lambda: True)
    scaler = functools.partial(torch.amp.GradScaler, 'cpu')
    monkeypatch.setattr(module, 'GradScaler', scaler)


@pytest.fixture
def amp_wrap(model, sgd, wrap) -> Callable[[], StreamOptimWrapper]:
    """Build wrappers of mixed precision for the streams of ``model``."""

    def build() -> StreamOptimWrapper:
        return wrap(
            model,
            dict(teacher=sgd(0.01, clip=1.0), student=sgd(0.1)),
            type='AmpOptimWrapper',
            dtype='bfloat16',
            loss_scale=dict(init_scale=1024.0, growth_interval=1000),
        )

    return build


def test_streams_share_one_scaler(model, cls_batch, values, amp_wrap):
    wrapper = amp_wrap()
    scaler = wrapper['teacher'].loss_scaler
    assert wrapper['student'].loss_scaler is scaler
    updates = []
    update = scaler.update
    scaler.update = lambda *args: (updates.append(args), update(*args))
    before = values(model)
    model.train_step(cls_batch(), wrapper)
    assert len(updates) == 1
    assert scaler.get_scale() == 1024
    after = values(model)
    assert all(not torch.equal(after[name], before[name]) for name in before)
    assert all(value.isfinite().all() for value in after.values())


def test_scaled_step_is_that_of_full_precision(model, cls_batch, wrap, sgd, values):
    """Clipping sees unscaled gradients, and so does the step."""
    twin = copy.deepcopy(model)
    streams = dict(teacher=sgd(0.01, clip=0.1), student=sgd(0.1))
    plain = wrap(model, copy.deepcopy(streams))
    scaled = wrap(
        twin, streams, type='AmpOptimWrapper', dtype='float32', loss_scale=1024.0
    )
    # Without the context of the forward pass: the CPU has no other half precision.
    for own, wrapper in ((model, plain), (twin, scaled)):
        loss, _ = own.parse_losses(own(**cls_batch(), mode='loss'))
        wrapper.update_params(loss)
    for name, value in values(model).items():
        torch.testing.assert_close(values(twin)[name], value, rtol=1e-4, atol=1e-6)


def test_overflow_in_one_stream_skips_that_stream(model, cls_batch, values, amp_wrap):
    wrapper = amp_wrap()
    weight = model.stream('teacher').model.head.fc.weight
    handle = weight.register_hook(lambda grad: grad * float('inf'))
    before = values(model)
    model.train_step(cls_batch(), wrapper)
    handle.remove()
    after = values(model)
    assert all(
        torch.equal(after[name], before[name]) is ('.teacher.' in name)
        for name in before
    )
    assert wrapper['student'].loss_scaler.get_scale() == 512
    model.train_step(cls_batch(), wrapper)
    assert all(not torch.equal(v, after[n]) for n, v in values(model).items())


def test_scaler_in_a_phase_where_a_stream_rests(model, cls_batch, values, amp_wrap):
    wrapper = amp_wrap()
    before = values(model)
    loss = model(**cls_batch(), mode='loss')['student/loss']
    wrapper.update_params(loss)
    after = values(model)
    assert all(
        torch.equal(after[name], before[name]) is ('.teacher.' in name)
        for name in before
    )


def test_scaler_is_saved(model, cls_batch, amp_wrap):
    first = amp_wrap()
    model.train_step(cls_batch(), first)
    first['student'].loss_scaler.update(64.0)
    second = amp_wrap()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert (
        second['teacher'].loss_scaler.get_scale()
        == first['student'].loss_scaler.get_scale()
    )
    assert second['student'].loss_scaler.get_scale() == 64
    assert second['student'].loss_scaler is second['teacher'].loss_scaler


def test_losses_of_transfers_stay_in_full_precision(model, cls_batch, amp_wrap):
    wrapper = amp_wrap()
    seen = []
    for transfer in model.transfers.values():
        transfer.loss.register_forward_pre_hook(lambda module, args: seen.extend(args))
    with wrapper.optim_context(model):
        losses = model(**cls_batch(), mode='loss')
    assert [side.dtype for side in seen] == [torch.bfloat16] * 4
    assert {value.dtype for value in losses.values()} == {torch.float32}
