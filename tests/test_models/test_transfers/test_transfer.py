# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
import torch.nn as nn

from dynkd.models.schedules import Progress
from dynkd.models.taps import Tap
from dynkd.models.transfers import Transfer
from dynkd.registry import MODELS

SOURCE, TARGET = Tap.parse('teacher.m'), Tap.parse('student.m')


class SampleLoss(nn.Module):
    """Adds up what it is given."""

    def forward(self, target, source, data_samples=None):
        return target.sum() + source.sum() + sum(data_samples)


class SampleConnector(nn.Module):
    """Multiplies by the number of data samples."""

    def forward(self, feature, data_samples):
        return feature * len(data_samples)


class Blend(nn.Module):
    """Mixes both sides, and measures how far apart they are."""

    def __init__(self, share):
        super().__init__()
        self.share = nn.Parameter(torch.tensor(share))

    def forward(self, target, source):
        self.stats = dict(gap=(target - source).abs().mean().detach())
        return self.share * source + (1 - self.share) * target


OWN = (SampleLoss, SampleConnector, Blend)


@pytest.fixture
def registered():
    for module in OWN:
        MODELS.register_module(module=module, force=True)
    yield
    for module in OWN:
        MODELS.module_dict.pop(module.__name__)


def transfer(loss=None, **cfg) -> Transfer:
    loss = loss or dict(type='FeatureLoss')
    return Transfer('teacher.m', 'student.m', loss=loss, **cfg)


def pair(*shape):
    shape = shape or (2, 3)
    return {
        SOURCE: torch.randn(shape, requires_grad=True),
        TARGET: torch.randn(shape, requires_grad=True),
    }


def test_loss_is_called_with_target_and_source_detached():
    outputs = pair()
    loss = transfer()(outputs, {}, Progress.current())
    loss.backward()
    torch.testing.assert_close(
        loss, (outputs[TARGET] - outputs[SOURCE]).square().mean()
    )
    assert outputs[SOURCE].grad is None
    expected = 2 * (outputs[TARGET] - outputs[SOURCE]).detach() / 6
    torch.testing.assert_close(outputs[TARGET].grad, expected)


def test_undetached():
    outputs = pair()
    transfer(detach_source=False)(outputs, {}, Progress.current()).backward()
    torch.testing.assert_close(outputs[SOURCE].grad, -outputs[TARGET].grad)


def test_levels_are_summed_and_detached():
    levels = [torch.randn(2, 3, requires_grad=True) for _ in range(4)]
    outputs = {SOURCE: (levels[0], [levels[1]][0]), TARGET: levels[2:]}
    loss = transfer()(outputs, {}, Progress.current())
    loss.backward()
    expected = sum((levels[i + 2] - levels[i]).square().mean() for i in range(2))
    torch.testing.assert_close(loss, expected)
    assert levels[0].grad is None and levels[3].grad is not None


def test_connector_of_both_sides(registered):
    module = transfer(connector=dict(type='Blend', share=0.25))
    assert module.stats == {}
    outputs = pair()
    module(outputs, {}, Progress.current()).backward()
    assert outputs[SOURCE].grad is None and module.connector.share.grad is not None
    gap = (outputs[TARGET] - outputs[SOURCE]).detach()
    expected = 2 * 0.75 * 0.75 * gap / 6
    torch.testing.assert_close(outputs[TARGET].grad, expected)
    torch.testing.assert_close(module.stats, dict(gap=gap.abs().mean()))


def test_connector_of_both_sides_sees_what_the_other_connectors_give(registered):
    double = dict(type='SampleConnector')
    module = transfer(target_connector=double, connector=dict(type='Blend', share=0.5))
    outputs = pair()
    samples = [None, None]
    loss = module(outputs, dict(student=samples), Progress.current())
    mixed = 0.5 * outputs[SOURCE] + 0.5 * 2 * outputs[TARGET]
    torch.testing.assert_close(loss, (mixed - outputs[SOURCE]).square().mean())


def test_source_connector_learns_though_the_source_is_detached():
    aligner = dict(type='ChannelAligner', in_channels=3, out_channels=3, dims=0)
    module = transfer(source_connector=aligner, target_connector=aligner)
    outputs = pair()
    module(outputs, {}, Progress.current()).backward()
    assert outputs[SOURCE].grad is None
    assert all(p.grad.abs().sum() > 0 for p in module.parameters())


def test_data_samples_go_to_who_names_them(registered):
    outputs = pair()
    module = transfer(
        loss=dict(type='SampleLoss'), target_connector=dict(type='SampleConnector')
    )
    loss = module(outputs, dict(student=[1, 2], teacher=[50]), Progress.current())
    torch.testing.assert_close(
        loss, outputs[TARGET].sum() * 2 + outputs[SOURCE].sum() + 3
    )


def test_build_does_not_try_what_needs_data_samples(
    registered, build, classifier, cls_batch
):
    model = build(
        teacher=dict(model=classifier()),
        student=dict(model=classifier()),
        transfers=dict(
            loss_x=dict(
                source='teacher.head',
                target='student.head',
                source_connector=dict(type='SampleConnector'),
                loss=dict(type='FeatureLoss'),
            )
        ),
    )
    said = {}
    for name in model.all_streams:
        model.stream(name).model.head.register_forward_hook(
            lambda module, args, output, name=name: said.update({name: output})
        )
    losses = model(**cls_batch(), mode='loss')
    expected = (said['student'] - said['teacher'] * 4).square().mean()
    torch.testing.assert_close(losses['loss_x'], expected)


@pytest.mark.parametrize('epoch', [0, 3, 5, 9])
def test_weight_follows_the_progress(progress, epoch):
    schedule = dict(type='LinearSchedule', start=1.0, stop=3.0, end=5)
    scheduled = transfer(dict(type='FeatureLoss', loss_weight=schedule))
    outputs = pair()
    progress(epoch=epoch)
    weight = 1 + 2 * min(epoch / 5, 1)
    torch.testing.assert_close(
        scheduled(outputs, {}, Progress.current()),
        weight * transfer()(outputs, {}, Progress.current()),
    )


def test_weight_over_the_whole_training(build, classifier, cls_batch, kld, progress):
    """Without an `end` the length of the training is known at the first step only."""
    cfg = kld('teacher', 'student')
    cfg['loss'].update(loss_weight=dict(type='LinearSchedule', start=0.0, stop=1.0))
    model = build(
        teacher=dict(model=classifier()),
        student=dict(model=classifier()),
        transfers=dict(loss_x=cfg, loss_plain=kld('teacher', 'student')),
    )
    progress(epoch=1, max_epochs=5)
    losses = model(**cls_batch(), mode='loss')
    torch.testing.assert_close(losses['loss_x'], losses['loss_plain'] / 4)


def test_a_list_of_runs_meets_a_tuple_of_levels(build, fcos, det_batch):
    """A convolution that runs over the levels fits the head's own output."""
    model = build(
        teacher=dict(model=fcos()),
        student=dict(model=fcos()),
        transfers=dict(
            loss_runs=dict(
                source='teacher.bbox_head.conv_cls',
                target='student.bbox_head.conv_cls',
                loss=dict(type='KLDLoss', activation='sigmoid'),
            ),
            loss_levels=dict(
                source='teacher.bbox_head[0]',
                target='student.bbox_head[0]',
                loss=dict(type='KLDLoss', activation='sigmoid'),
            ),
        ),
    )
    losses = model(**det_batch(), mode='loss')
    assert losses['loss_runs'] > 0
    torch.testing.assert_close(losses['loss_runs'], losses['loss_levels'])


def test_half_precision(build, classifier, cls_batch, kld):
    """Under autocast the streams compute in half precision, the losses do not."""
    model = build(
        teacher=dict(model=classifier(), frozen=True),
        student=dict(model=classifier()),
        transfers=dict(loss_kld=kld('teacher', 'student')),
    )
    seen = []
    for name in model.all_streams:
        model.stream(name).model.head.register_forward_hook(
            lambda module, args, output: seen.append(output.dtype)
        )
    full = model(**cls_batch(), mode='loss')['loss_kld']
    seen.clear()
    with torch.autocast('cpu', torch.bfloat16):
        half = model(**cls_batch(), mode='loss')['loss_kld']
    assert seen == [torch.bfloat16] * 2
    assert half.dtype == torch.float32 and half.isfinite() and half > 0
    torch.testing.assert_close(half, full, rtol=0.1, atol=1e-3)
    half.backward()
    grads = [p.grad for p in model.streams.parameters()]
    assert all(g.dtype == torch.float32 and g.isfinite().all() for g in grads)


# ---------------------------------------------------------------- pairs of taps


def test_lists_are_paired():
    taps = [Tap.parse(f'teacher.{name}') for name in 'ab']
    targets = [Tap.parse(f'student.{name}') for name in 'cd']
    outputs = {tap: torch.randn(2, 3) for tap in (*taps, *targets)}
    own = Transfer(
        ['teacher.a', 'teacher.b'],
        ['student.c', 'student.d'],
        loss=dict(type='FeatureLoss'),
    )
    expected = sum(
        (outputs[s] - outputs[t]).square().mean() for s, t in zip(taps, targets)
    )
    torch.testing.assert_close(own(outputs, {}, Progress.current()), expected)
    assert list(own.taps) == [*taps, *targets]
    assert str(own) == 'teacher.a -> student.c, teacher.b -> student.d'


@pytest.mark.parametrize('many', ['source', 'target'])
def test_one_tap_is_paired_with_each_of_a_list(many):
    one, two, three = (Tap.parse(f'student.{name}') for name in 'abc')
    outputs = {tap: torch.randn(2, 3) for tap in (one, two, three)}
    sides = dict(source='student.a', target='student.a')
    sides[many] = ['student.b', 'student.c']
    own = Transfer(**sides, loss=dict(type='FeatureLoss'))
    expected = sum(
        (outputs[one] - outputs[other]).square().mean() for other in (two, three)
    )
    torch.testing.assert_close(own(outputs, {}, Progress.current()), expected)
    assert own.learner == 'student'


@pytest.mark.parametrize(
    ('source', 'target', 'message'),
    [
        (['a.x', 'a.y'], ['b.x', 'b.y', 'b.z'], '2 sources and 3 targets cannot'),
        (['a.x', 'b.y'], ['b.x', 'b.y'], 'the same tap, `b.y`'),
        (['a.x', 'a.y'], ['b.x', 'c.y'], 'in the streams b, c: a transfer has one'),
        ([], [], 'names no taps'),
        (['a.x', 'a'], 'b.x', '`a` is not a tap'),
    ],
)
def test_lists_that_are_no_pairs(source, target, message):
    with pytest.raises(ValueError, match=message):
        Transfer(source, target, loss=dict(type='FeatureLoss'))


def test_a_module_may_be_both_connectors():
    half = nn.Linear(3, 2)
    own = transfer(source_connector=half, target_connector=half)
    outputs = pair(2, 3)
    found = own(outputs, {}, Progress.beginning())
    expected = (half(outputs[SOURCE]) - half(outputs[TARGET])).square().mean()
    torch.testing.assert_close(found, expected)
