# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""One optimizer, clipping and learning rate a stream, one backward pass for all."""

import copy
import functools

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.optim import build_optim_wrapper
from mmengine.optim.optimizer import amp_optimizer_wrapper

from dynkd.engine.optimizers import StreamOptimWrapper


def wrap(model, streams=None, **shared) -> StreamOptimWrapper:
    """Build the wrappers as MMEngine's runner does."""
    cfg = dict(shared, constructor='dynkd.StreamOptimWrapperConstructor')
    if streams is not None:
        cfg['streams'] = streams
    return build_optim_wrapper(model, cfg)


def sgd(lr: float = 0.1, clip=None, paramwise=None, **optimizer) -> dict:
    cfg = dict(optimizer=dict(type='SGD', lr=lr, **optimizer))
    if clip is not None:
        cfg['clip_grad'] = dict(max_norm=clip)
    if paramwise is not None:
        cfg['paramwise_cfg'] = paramwise
    return cfg


@pytest.fixture
def model(build, classifier, kld):
    """Both streams without batch normalisation, so that samples do not mix."""
    configs = [classifier(), classifier()]
    for config in configs:
        config['backbone']['norm_cfg'] = dict(type='GN', num_groups=4)
    return build(
        teacher=dict(model=configs[0]),
        student=dict(model=configs[1]),
        transfers=dict(
            loss_student=kld('teacher', 'student'),
            loss_teacher=kld('student', 'teacher'),
        ),
    )


@pytest.fixture
def amp(monkeypatch):
    """Let MMEngine's mixed precision run without an accelerator."""
    module = amp_optimizer_wrapper
    monkeypatch.setattr(module, 'is_cuda_available', lambda: True)
    scaler = functools.partial(torch.amp.GradScaler, 'cpu')
    monkeypatch.setattr(module, 'GradScaler', scaler)


def gradients(model, batch) -> dict[str, torch.Tensor]:
    losses = model(**batch, mode='loss')
    model.zero_grad()
    model.parse_losses(losses)[0].backward()
    grads = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    return grads


def values(model) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def test_each_stream_has_its_own_rate(model, cls_batch):
    grads, before = gradients(model, cls_batch()), values(model)
    wrapper = wrap(model, dict(teacher=sgd(0.01), student=sgd(0.5)))
    model.train_step(cls_batch(), wrapper)
    for name, value in values(model).items():
        lr = 0.01 if '.teacher.' in name else 0.5
        torch.testing.assert_close(value, before[name] - lr * grads[name])
    assert wrapper.get_lr() == {'teacher.lr': [0.01], 'student.lr': [0.5]}
    assert wrapper.inner_count == 1


def test_each_stream_is_clipped_by_its_own_norm(model, cls_batch):
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


def test_names_of_parameters_are_those_of_the_plain_model(build, classifier):
    """A `paramwise_cfg` written for the plain model serves the stream."""
    aligner = dict(type='ChannelAligner', in_channels=64, out_channels=128)
    model = build(
        teacher=dict(model=classifier(width=16)),
        student=dict(model=classifier()),
        transfers=dict(
            loss_x=dict(
                source='teacher.backbone[1]',
                target='student.backbone[1]',
                target_connector=aligner,
                loss=dict(type='FeatureLoss'),
            )
        ),
    )
    custom = dict(
        backbone=dict(lr_mult=0.1),
        head=dict(lr_mult=10.0),
        transfers=dict(lr_mult=2.0),
    )
    wrapper = wrap(
        model,
        dict(teacher=sgd(0.3), student=sgd(1.0, paramwise=dict(custom_keys=custom))),
    )
    rates = {
        id(p): group['lr']
        for group in wrapper['student'].optimizer.param_groups
        for p in group['params']
    }
    student = model.stream('student')
    for part, rate in (
        (student.backbone, 0.1),
        (student.head, 10.0),
        (model.transfers['loss_x'], 2.0),
    ):
        assert {rates.pop(id(p)) for p in part.parameters()} == {rate}
    assert not rates
    assert len(wrapper['teacher'].optimizer.param_groups) == 1


def test_constructor_of_a_library(build, kld):
    """Layer-wise decay asks the model for the depth of its layers, connector or not."""
    vit = dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(
            type='VisionTransformer',
            arch=dict(
                embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=16
            ),
            img_size=32,
            patch_size=16,
        ),
        head=dict(type='VisionTransformerClsHead', num_classes=3, in_channels=16),
    )
    transfer = dict(
        kld('teacher', 'student'),
        target_connector=dict(
            type='ChannelAligner', in_channels=3, out_channels=3, dims=0
        ),
    )
    model = build(
        teacher=dict(model=vit, input_shape=(3, 32, 32), frozen=True),
        student=dict(model=vit, input_shape=(3, 32, 32)),
        transfers=dict(loss_x=transfer),
    )
    wrapper = wrap(
        model,
        dict(
            student=dict(
                optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1),
                paramwise_cfg=dict(layer_decay_rate=0.5),
                constructor='mmpretrain.LearningRateDecayOptimWrapperConstructor',
            )
        ),
    )
    groups = wrapper['student'].optimizer.param_groups
    assert {group['lr'] for group in groups} == {1.0, 0.5, 0.25, 0.125}
    held = {id(p) for group in groups for p in group['params']}
    assert held == {id(p) for p in model.parameters()}


@pytest.mark.parametrize('rest', [0, 1])
def test_accumulation_equals_one_big_step(model, cls_batch, rest):
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


def test_resting_stream_is_not_moved(model, cls_batch):
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


def test_state_dict_round_trip(model, cls_batch):
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


# ---------------------------------------------------------------- mixed precision


def amp_wrap(model, **scale):
    return wrap(
        model,
        dict(teacher=sgd(0.01, clip=1.0), student=sgd(0.1)),
        type='AmpOptimWrapper',
        dtype='bfloat16',
        loss_scale=dict(init_scale=1024.0, growth_interval=1000, **scale),
    )


def test_streams_share_one_scaler(model, amp, cls_batch):
    wrapper = amp_wrap(model)
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


def test_scaled_step_is_that_of_full_precision(model, amp, cls_batch):
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


def test_overflow_in_one_stream_skips_that_stream(model, amp, cls_batch):
    wrapper = amp_wrap(model)
    weight = model.stream('teacher').head.fc.weight
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


def test_scaler_in_a_phase_where_a_stream_rests(model, amp, cls_batch):
    wrapper = amp_wrap(model)
    before = values(model)
    loss = model(**cls_batch(), mode='loss')['student/loss']
    wrapper.update_params(loss)
    after = values(model)
    assert all(
        torch.equal(after[name], before[name]) is ('.teacher.' in name)
        for name in before
    )


def test_scaler_is_saved(model, amp, cls_batch):
    first = amp_wrap(model)
    model.train_step(cls_batch(), first)
    first['student'].loss_scaler.update(64.0)
    second = amp_wrap(model)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    assert (
        second['teacher'].loss_scaler.get_scale()
        == first['student'].loss_scaler.get_scale()
    )
    assert second['student'].loss_scaler.get_scale() == 64
    assert second['student'].loss_scaler is second['teacher'].loss_scaler


# ------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ('streams', 'shared', 'message'),
    [
        (None, {}, '`streams` is missing.*streams=dict'),
        ({}, {}, '`streams` is missing'),
        (dict(teacher=sgd()), {}, '`student` is trained and has no optimizer'),
        (
            dict(teacher=sgd(), student=sgd(), tutor=sgd()),
            {},
            'no stream `tutor`. Trained: teacher, student',
        ),
        (
            dict(teacher=sgd(), student=dict(sgd(), accumulative_counts=2)),
            {},
            '`accumulative_counts` of stream `student`.*Put it beside',
        ),
        (
            dict(teacher=sgd(), student=sgd()),
            dict(max_norm=3),
            r'`max_norm` belongs to a stream, at `streams\.<name>\.max_norm`',
        ),
        (
            dict(teacher=sgd(), student={}),
            {},
            '`student` is trained and has no optimizer',
        ),
    ],
)
def test_bad_configs(model, streams, shared, message):
    with pytest.raises(ValueError, match=message):
        wrap(model, streams, **shared)


def test_optimizer_of_a_frozen_stream(build, classifier):
    model = build(
        teacher=dict(model=classifier(), frozen=True), student=dict(model=classifier())
    )
    with pytest.raises(ValueError, match='`teacher` is frozen.*Trained: student'):
        wrap(model, dict(teacher=sgd(), student=sgd()))
    assert list(wrap(model, dict(student=sgd())).keys()) == ['student']


def test_settings_for_all_streams(model):
    wrapper = wrap(
        model,
        dict(teacher=dict(optimizer=dict(lr=0.01)), student=dict(clip_grad=None)),
        optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=0.1),
        clip_grad=dict(max_norm=2.0),
        paramwise_cfg=dict(norm_decay_mult=0.0),
    )
    assert {w.optimizer.defaults['momentum'] for w in wrapper.values()} == {0.9}
    assert [w.optimizer.defaults['lr'] for w in wrapper.values()] == [0.01, 0.1]
    assert wrapper['teacher'].clip_grad_kwargs == dict(max_norm=2.0)
    assert wrapper['student'].clip_grad_kwargs is None


def test_phases_that_several_processes_would_wait_for(build, classifier):
    """DistributedDataParallel has to look for unused parameters in such phases."""
    model = build(
        teacher=dict(model=classifier()),
        student=dict(model=classifier()),
        phases=[dict(name='rest', frozen=['teacher'])],
    )
    model.find_unused_parameters = False
    with pytest.raises(ValueError, match='phase `rest`.*find_unused_parameters = True'):
        wrap(model, dict(teacher=sgd(), student=sgd()))


def test_blocks_that_several_processes_would_wait_for(model):
    model.interaction = object()
    wrap(model, dict(teacher=sgd(), student=sgd()))
    model.find_unused_parameters = False
    with pytest.raises(ValueError, match='interaction.*find_unused_parameters = True'):
        wrap(model, dict(teacher=sgd(), student=sgd()))


def test_every_parameter_is_in_one_optimizer(model):
    wrapper = wrap(model, dict(teacher=sgd(), student=sgd()))
    held = [
        id(p)
        for w in wrapper.values()
        for g in w.optimizer.param_groups
        for p in g['params']
    ]
    assert len(held) == len(set(held))
    assert set(held) == {id(p) for p in model.parameters()}
