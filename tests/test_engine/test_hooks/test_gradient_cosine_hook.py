# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Cosines of gradients, against a slow transcription, and a training that is as
without them."""

import copy
import functools
import math
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.optim.optimizer import amp_optimizer_wrapper

from dynkd.engine.hooks.gradient_cosine_hook import _measure, cosine

COSINE = dict(type='dynkd.GradientCosineHook', interval=1)
EXACT = dict(type='dynkd.ExactResumeHook')
FEATURE = dict(
    source='teacher.backbone[0]',
    target='student.backbone[0]',
    loss=dict(type='FeatureLoss'),
)


@pytest.fixture
def transfers(kld):
    """Transfers in both directions, and one that ends before the classifier."""
    return dict(
        loss_kld_student=kld('teacher', 'student'),
        loss_kld_teacher=kld('student', 'teacher'),
        loss_feature=FEATURE,
    )


def scalars(key):
    """What was logged under a name, by iteration."""
    found = MessageHub.get_current_instance().log_scalars.get(f'train/{key}')
    return [] if found is None else found.data[0].tolist()


class Watch(Hook):
    """Keeps what a training looks like after each iteration and its forward pass."""

    priority = 'VERY_LOW'

    def __init__(self):
        self.seen = []

    def before_train(self, runner):
        wrapper = runner.optim_wrapper
        update = wrapper.update_params

        def look(loss):
            self.seen.append([p.grad for p in runner.model.parameters()])
            self.seen.append(torch.get_rng_state())
            self.seen.append([b.clone() for b in runner.model.buffers()])
            self.seen.append(loss.detach().clone())
            update(loss)
            self.seen.append([p.detach().clone() for p in runner.model.parameters()])

        wrapper.update_params = look


def same(one, other):
    """Whether nested lists hold the same tensors, to the last bit."""
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one is other or torch.equal(one, other)


def test_the_training_is_as_without_it(runner, transfers, classifier):
    """Weights, buffers, gradients and random numbers, after each forward pass too."""
    model = classifier()
    model['head'] = dict(
        type='StackedLinearClsHead',
        num_classes=5,
        in_channels=64,
        mid_channels=[16],
        dropout_rate=0.5,
    )

    def train(hooks):
        torch.manual_seed(0)
        watch = Watch()
        student = dict(model=copy.deepcopy(model))
        run = runner({}, student=student, transfers=transfers, custom_hooks=hooks)
        run.register_hook(watch)
        run.train()
        assert not run.model._forward_hooks
        return watch.seen, len(scalars('kld_student/cos'))

    plain, measured = train([EXACT]), train([EXACT, COSINE])
    assert (plain[1], measured[1]) == (0, 4)
    assert len(plain[0]) == 4 * 5 and same(plain[0], measured[0])
    # The test can fail: dropout and updates make iterations differ.
    assert not same(plain[0][4], plain[0][9])
    assert not same(plain[0][1], plain[0][6])


def by_hand(model, batch, transfer, stream):
    """The cosine as it is defined: two copies in double precision, each with one loss,
    and the weights that both have a gradient of."""
    gradients = []
    for wanted in (f'{stream}/', transfer):
        own = copy.deepcopy(model).double()
        losses = own(**copy.deepcopy(batch), mode='loss')
        keys = [k for k in losses if k.startswith(wanted) and 'loss' in k]
        sum(losses[key] for key in keys).backward()
        found = dict(own.stream(stream).model.named_parameters())
        gradients.append({n: w.grad for n, w in found.items() if w.grad is not None})
    task, own = gradients
    names = [name for name in task if name in own]
    assert names and (transfer != 'loss_feature' or len(names) < len(task))
    product = sum((task[n] * own[n]).sum().item() for n in names)
    norms = [math.sqrt(sum((g[n] ** 2).sum().item() for n in names)) for g in gradients]
    return product / (norms[0] * norms[1])


class Double(Hook):
    """Computes by hand before an iteration what the hook is to find in it."""

    def __init__(self):
        self.found = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        model = copy.deepcopy(runner.model)
        model._forward_hooks.clear()
        for own in model.all_streams.values():
            preprocessor = own.model.data_preprocessor
            preprocessor.mean = preprocessor.mean.double()
        for transfer, own in model.transfers.items():
            name = transfer.removeprefix('loss_')
            value = by_hand(model, data_batch, transfer, own.learner)
            self.found.setdefault(name, []).append(value)


def test_cosines_are_those_by_hand(runner, transfers):
    expected = Double()
    run = runner({}, transfers=transfers, custom_hooks=[COSINE])
    run.register_hook(expected)
    run.train()
    assert set(expected.found) == {'kld_student', 'kld_teacher', 'feature'}
    for name, values in expected.found.items():
        assert scalars(f'{name}/cos') == pytest.approx(values, abs=2e-4), name
        assert len(set(values)) == 4 and all(-1 <= v <= 1 for v in values)


def test_a_transfer_that_repeats_the_task_has_a_cosine_of_one():
    gradient = [torch.randn(3, 4), None, torch.randn(5)]
    assert cosine(gradient, gradient) == pytest.approx(1, abs=1e-6)
    opposite = [None if g is None else -7 * g for g in gradient]
    assert cosine(gradient, opposite) == pytest.approx(-1, abs=1e-6)
    sparse = [gradient[0].to_sparse(), None, None]
    assert cosine(gradient, sparse) == pytest.approx(1, abs=1e-6)


def test_what_has_no_direction_has_no_cosine():
    some, zero = [torch.ones(2)], [torch.zeros(2)]
    assert cosine(some, zero) is None
    assert cosine(some, [None]) is None
    assert cosine(some, [torch.full((2,), math.inf)]) is None


def test_detectors_with_a_loss_for_each_level_are_measured(
    build, faster_rcnn, det_batch
):
    """Their task is all levels of the RPN, and both losses of the RoI head."""
    feature = dict(FEATURE, source='teacher.neck[0]', target='student.neck[0]')
    streams = {n: dict(model=faster_rcnn()) for n in ('teacher', 'student')}
    model = build(streams=streams, transfers=dict(loss_feature=feature))
    model.register_forward_hook(functools.partial(_measure, scaler=None))
    losses = model(**det_batch(), mode='loss')
    assert isinstance(losses['student/loss_rpn_cls'], list)
    student = model.stream('student').model
    weights = list(student.backbone.parameters()) + list(student.neck.parameters())
    weights = [weight for weight in weights if weight.requires_grad]
    own = [v for k, v in losses.items() if k.startswith('student/loss')]
    parts = [p.mean() for v in own for p in (v if isinstance(v, list) else [v])]
    gradients = [
        torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True)
        for loss in (sum(parts), losses['loss_feature'])
    ]
    expected = cosine(*gradients)
    assert losses['feature/cos'] == pytest.approx(float(expected), abs=1e-5)
    assert abs(expected) > 1e-4


class Logged(Hook):
    """Keeps the names of the cosines of each iteration."""

    def __init__(self):
        self.names = []

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.names.append({key for key in outputs if key.endswith('/cos')})


def test_it_measures_at_its_interval(runner, transfers):
    """Also one that is longer than an epoch, of two iterations."""
    run = runner({}, transfers=transfers, custom_hooks=[dict(COSINE, interval=3)])
    logged = Logged()
    run.register_hook(logged)
    run.train()
    assert [len(names) for names in logged.names] == [0, 0, 3, 0]


def test_what_does_not_act_is_not_measured(runner, transfers):
    """In the first epoch the teacher is frozen, and the features weigh nothing."""
    transfers['loss_feature'] = copy.deepcopy(FEATURE)
    transfers['loss_feature']['loss']['loss_weight'] = dict(
        type='StepSchedule', values=[0.0, 1.0], milestones=[1]
    )
    static = dict(transfers=['loss_kld_student', 'loss_feature'], frozen=['teacher'])
    phases = [dict(name='static', **static), dict(name='dynamic', begin=1)]
    run = runner({}, transfers=transfers, custom_hooks=[COSINE], phases=phases)
    logged = Logged()
    run.register_hook(logged)
    run.train()
    every = {'kld_student/cos', 'kld_teacher/cos', 'feature/cos'}
    assert logged.names == [{'kld_student/cos'}] * 2 + [every] * 2


def test_a_scaler_changes_no_cosine(runner, transfers, monkeypatch):
    """With one optimizer for all, and with one for each stream."""
    monkeypatch.setattr(amp_optimizer_wrapper, 'is_cuda_available', lambda: True)
    scaler = functools.partial(torch.amp.GradScaler, 'cpu')
    monkeypatch.setattr(amp_optimizer_wrapper, 'GradScaler', scaler)
    scaled, seen = torch.amp.GradScaler.scale, []
    monkeypatch.setattr(
        torch.amp.GradScaler, 'scale', lambda *a: (seen.append(1), scaled(*a))[1]
    )
    sgd = dict(optimizer=dict(type='SGD', lr=0.01))
    apart = dict(
        constructor='dynkd.StreamOptimWrapperConstructor',
        streams=dict(teacher=sgd, student=sgd),
    )
    mixed = dict(type='AmpOptimWrapper', dtype='bfloat16')
    found = []
    wrappers = dict(mixed, **apart), dict(mixed, **sgd), dict(mixed, **sgd)
    for wrapper, scale in zip(wrappers, (2.0**16, 2.0**16, 1.0)):
        wrapper['loss_scale'] = scale
        seen.clear()
        options = dict(custom_hooks=[COSINE], optim_wrapper=wrapper)
        MessageHub._instance_dict.clear()
        run = runner({}, transfers=copy.deepcopy(transfers), **options)
        run.train()
        # Once for the step, for each of two tasks and for each of three transfers.
        assert len(seen) == 4 * 6
        found.append(run.message_hub.log_scalars['train/kld_student/cos'].data[0][0])
    assert found[2] != 0 and found[:2] == pytest.approx([found[2]] * 2, abs=1e-5)


def test_streams_without_a_task_are_named(runner, transfers, monkeypatch):
    said = []
    monkeypatch.setattr(
        'dynkd.engine.hooks.gradient_cosine_hook.print_log',
        lambda text, **_: said.append(text),
    )
    run = runner(dict(loss_weight=0.0), transfers=transfers, custom_hooks=[COSINE])
    run.train()
    assert said == [
        'GradientCosineHook leaves out transfers to streams without a task of their '
        'own: loss_kld_teacher.'
    ]
    assert not scalars('kld_teacher/cos') and len(scalars('kld_student/cos')) == 4


def test_two_processes_train_as_without_it(in_processes, classifier, kld, tmp_path):
    """Each measures its own half of the batch."""
    stream = dict(model=classifier(), input_shape=(3, 32, 32))
    model = dict(
        type='dynkd.Distillation',
        streams=dict(teacher=stream, student=stream),
        transfers=dict(loss_kld=kld('teacher', 'student'), loss_feature=FEATURE),
    )
    Config(dict(model=model)).dump(str(tmp_path / 'model.py'))
    script = Path(__file__).resolve().with_name('cosine_processes.py')
    ranks = in_processes(script, tmp_path)
    for own in ranks:
        assert own['plain'].keys() == own['measured'].keys()
        for key, value in own['plain'].items():
            assert torch.equal(value, own['measured'][key]), key
        assert set(own['cosines']) == {'kld/cos', 'feature/cos'}
    weight = 'streams.student.head.fc.weight'
    assert torch.equal(ranks[0]['measured'][weight], ranks[1]['measured'][weight])
    assert ranks[0]['cosines'] != ranks[1]['cosines']
