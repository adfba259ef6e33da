# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What is not finite is noticed in its iteration, named, and never saved."""

import functools
import math
from typing import Any

import pytest
import torch
from mmengine.hooks import Hook, RuntimeInfoHook
from mmengine.optim.optimizer import amp_optimizer_wrapper
from mmengine.runner import Runner
from torch.utils._python_dispatch import TorchDispatchMode

from dynkd.engine.hooks import FiniteHook, finite_hook
from dynkd.utils import NonFiniteError, not_finite

NAN, INF = math.nan, math.inf
SGD = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=0.1))
#: A step has the gradients of two iterations.
ACCUMULATED = dict(
    constructor='dynkd.StreamOptimWrapperConstructor',
    type='OptimWrapper',
    accumulative_counts=2,
    streams=dict(teacher=SGD, student=SGD),
)
#: Two iterations an epoch: the second epoch begins with the third.
BAD = 3


class Spoiler(Hook):
    """Spoils the images, a loss or the gradients of a stream in some iterations.

    Args:
        what (str): ``'images'``, ``'loss'`` (of the transfer), ``'own'`` (the loss of
            the student) or a stream.
        value (float): What it puts there. Defaults to NaN.
        at (tuple of int): The iterations, counted from 1.
    """

    priority = 'HIGH'

    def __init__(self, what: str, value: float = NAN, at: tuple = (BAD,)) -> None:
        self.what, self.value, self.at = what, value, at
        self.states: dict[int, dict[str, torch.Tensor]] = {}
        self.now = 0

    def before_train(self, runner: Runner) -> None:
        model = runner.model
        if self.what in model.streams:
            parameter = next(model.streams[self.what].head.parameters())
            parameter.register_hook(lambda grad: grad * self._factor)
        if self.what == 'loss':
            transfer = model.transfers['loss_kld']
            transfer.register_forward_hook(lambda *args: args[-1] * self._factor)
        if self.what == 'own':
            head = model.stream('student').model.head
            loss = head.loss
            head.loss = lambda *args, **kwargs: {
                key: value * self._factor
                for key, value in loss(*args, **kwargs).items()
            }

    @property
    def _factor(self) -> float:
        return self.value if self.now in self.at else 1.0

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.now = runner.iter + 1
        self.states[runner.iter] = state(runner)
        if self.what == 'images' and self.now in self.at:
            data_batch['inputs'].fill_(self.value)

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.states[runner.iter + 1] = state(runner)


def state(runner: Runner) -> dict[str, torch.Tensor]:
    """Weights, buffers and momentum."""
    found = {k: v.clone() for k, v in runner.model.state_dict().items()}
    for name, wrapper in runner.optim_wrapper.items():
        for number, own in wrapper.optimizer.state_dict()['state'].items():
            found[f'streams.{name}.momentum.{number}'] = own['momentum_buffer'].clone()
    return found


def moved(before: dict, after: dict) -> set[str]:
    """Names of the streams whose weights, buffers or momentum differ."""
    keys = [
        key for key in after if not torch.equal(before.get(key, NOTHING), after[key])
    ]
    return {key.split('.')[1] for key in keys}


NOTHING = torch.empty(0)


@pytest.fixture
def spoiled(runner):
    """Build a runner whose numbers are spoiled, with the hook and its spoiler."""

    def build(what: str, finite: Any = None, hooks: tuple = (), **options: Any):
        keep = {k: options.pop(k) for k in ('value', 'at') if k in options}
        spoiler = Spoiler(what, **keep)
        watch = dict(type='dynkd.FiniteHook', **(finite or {}))
        options.setdefault(
            'optim_wrapper',
            dict(
                constructor='dynkd.StreamOptimWrapperConstructor',
                type='OptimWrapper',
                streams=dict(teacher=SGD, student=SGD),
            ),
        )
        saver = dict(
            type='dynkd.CheckpointHook', interval=1, save_best='student/accuracy/top1'
        )
        options.setdefault('default_hooks', dict(checkpoint=saver))
        run = runner(custom_hooks=[watch, spoiler, *hooks], **options)
        return run, spoiler

    return build


def stopped(run: Runner) -> str:
    """What stops a run."""
    with pytest.raises(NonFiniteError) as error:
        run.train()
    return str(error.value)


@pytest.mark.parametrize('value', [NAN, INF])
def test_a_loss_of_a_transfer(spoiled, tmp_path, value):
    text = stopped(spoiled('loss', value=value)[0])
    assert f'iteration {BAD} (epoch 2)' in text
    assert 'transfer `loss_kld`' in text and 'gradient of stream `student`' in text
    assert 'teacher`' not in text and 'total' not in text
    assert 'learning rate 0.01 (teacher), 0.01 (student)' in text
    assert sorted(p.name for p in tmp_path.glob('epoch*')) == ['epoch_1.pth']


def test_a_loss_of_a_stream(spoiled):
    text = stopped(spoiled('own', value=INF)[0])
    assert '`loss` of stream `student` (inf)' in text and 'transfer' not in text


def test_images_that_are_not_finite(spoiled):
    text = stopped(spoiled('images')[0])
    for name in ('teacher', 'student'):
        assert f'`loss` of stream `{name}` (nan)' in text
        assert f'gradient of stream `{name}` (nan)' in text


@pytest.mark.parametrize('stream', ['teacher', 'student'])
def test_a_gradient_alone(spoiled, stream):
    text = stopped(spoiled(stream)[0])
    assert f'not finite: gradient of stream `{stream}` (nan); learning' in text


def test_a_gradient_of_another_process(spoiled, monkeypatch):
    monkeypatch.setattr(finite_hook, 'get_world_size', lambda: 2)
    assert 'those of another process are not' in stopped(spoiled('student')[0])
    assert 'another process' not in stopped(spoiled('own')[0])


def test_every_process_says_what_it_saw(spoiled, monkeypatch, caplog):
    said = []
    monkeypatch.setattr(finite_hook, 'print_log', lambda text, **_: said.append(text))
    monkeypatch.setattr(finite_hook, 'get_rank', lambda: 1)
    assert said == [] and stopped(spoiled('own')[0]) == said[0]


def test_what_is_finite_goes_on(spoiled, tmp_path):
    run, spoiler = spoiled('images', at=())
    run.train()
    assert run.iter == 4 and (tmp_path / 'epoch_2.pth').exists()
    assert moved(spoiler.states[2], spoiler.states[3]) == {'teacher', 'student'}
    assert not any(
        h for h in run.optim_wrapper['student'].optimizer._optimizer_step_pre_hooks
    )


def test_a_step_is_left_out(spoiled):
    run, spoiler = spoiled('images', finite=dict(action='skip'))
    run.train()
    assert moved(spoiler.states[BAD - 1], spoiler.states[BAD]) == set()
    assert moved(spoiler.states[BAD], spoiler.states[BAD + 1]) == {'teacher', 'student'}
    assert not_finite(run.model.state_dict()) is None
    assert run.message_hub.get_info('non_finite_iterations') == 1


def test_only_the_stream_with_the_gradient_is_left_out(spoiled):
    run, spoiler = spoiled('student', finite=dict(action='skip'))
    run.train()
    before, after = spoiler.states[BAD - 1], spoiler.states[BAD]
    weights = [key for key in before if 'running' not in key and 'num_' not in key]
    both = ({key: own[key] for key in weights} for own in (before, after))
    assert moved(*both) == {'teacher'}


def test_steps_are_left_out_so_many_times(spoiled, tmp_path):
    finite = dict(action='skip', max_skips=2)
    spoiled('images', finite=finite, at=(1, 3))[0].train()
    # What was counted is resumed.
    run, _ = spoiled(
        'images',
        finite=finite,
        at=(5,),
        resume=True,
        train_cfg=dict(by_epoch=True, max_epochs=3),
    )
    assert 'more than the 2 iterations' in stopped(run)
    assert 'iteration 5' in stopped(run)


def test_gradients_are_added_up_without_what_is_not_finite(spoiled):
    run, spoiler = spoiled(
        'student',
        finite=dict(action='skip'),
        at=(1,),
        optim_wrapper=ACCUMULATED,
    )
    run.train()
    # The sum of the first two iterations is not finite; that of the next two is.
    assert not_finite(run.model.state_dict()) is None
    weight = 'streams.student.head.fc.weight'
    states = spoiler.states
    assert torch.equal(states[2][weight], states[0][weight])
    assert not torch.equal(states[4][weight], states[2][weight])


def test_going_on_saves_and_exports_nothing_that_is_not_finite(spoiled, tmp_path):
    export = dict(type='dynkd.ExportHook', streams=['student'])
    run, _ = spoiled('images', finite=dict(action='continue'), hooks=(export,))
    text = stopped(run)
    assert 'student.pth is not written' in text and 'of stream `student`' in text
    assert run.iter == 4
    names = sorted(p.name for p in tmp_path.glob('*.pth'))
    assert names == ['best_student_accuracy_top1_epoch_1.pth', 'epoch_1.pth']
    assert 'epoch_1.pth' in (tmp_path / 'last_checkpoint').read_text()


def test_weights_are_looked_at_before_they_are_saved(spoiled, tmp_path):
    class Breaks(Hook):
        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            if runner.iter == BAD:
                runner.model.streams['teacher'].head.fc.bias.data[0] = INF

    text = stopped(spoiled('images', at=(), hooks=(Breaks(),))[0])
    assert 'after epoch 2, `streams.teacher.head.fc.bias` is not finite' in text
    assert not (tmp_path / 'epoch_2.pth').exists()


def test_plain_savers_are_kept_from_it_too(spoiled, tmp_path):
    plain = dict(checkpoint=dict(type='CheckpointHook', interval=1))
    text = stopped(
        spoiled('images', finite=dict(action='continue'), default_hooks=plain)[0]
    )
    assert 'after iteration' in text and not (tmp_path / 'epoch_2.pth').exists()


def test_one_optimizer_without_a_constructor(spoiled, monkeypatch):
    monkeypatch.setattr(f'{__name__}.state', lambda runner: {})
    options = dict(optim_wrapper=SGD, at=(1,))
    assert 'gradient of the model (nan)' in stopped(spoiled('student', **options)[0])
    options['teacher'] = dict(frozen=True)
    text = stopped(spoiled('student', **options)[0])
    assert 'gradient of stream `student` (nan)' in text and '0.01 (all)' in text


def test_the_steps_that_a_scaler_leaves_out_are_no_errors(spoiled, monkeypatch):
    module = amp_optimizer_wrapper
    monkeypatch.setattr(module, 'is_cuda_available', lambda: True)
    scaler = functools.partial(torch.amp.GradScaler, 'cpu')
    monkeypatch.setattr(module, 'GradScaler', scaler)
    mixed = dict(
        constructor='dynkd.StreamOptimWrapperConstructor',
        type='AmpOptimWrapper',
        dtype='bfloat16',
        streams=dict(teacher=SGD, student=SGD),
    )
    run, spoiler = spoiled('student', optim_wrapper=mixed)
    run.train()
    assert run.iter == 4
    weight = 'streams.student.head.fc.weight'
    assert torch.equal(spoiler.states[BAD][weight], spoiler.states[BAD - 1][weight])
    assert 'transfer `loss_kld`' in stopped(spoiled('loss', optim_wrapper=mixed)[0])


class Waits(TorchDispatchMode):
    """Counts what an accelerator would be waited for."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += func.overloadpacket.__name__ in ('_local_scalar_dense', 'nonzero')
        return func(*args, **(kwargs or {}))


def counted(step, steps):
    """A training step that tells how often it waits."""

    def train_step(*args, **kwargs):
        with Waits() as waits:
            found = step(*args, **kwargs)
        steps.append(waits.count)
        return found

    return train_step


def test_no_accelerator_waits_in_a_step(spoiled):
    """Norms are read after MMEngine has read the losses."""
    counts: dict[str, list[int]] = {}
    for action in ('none', 'stop', 'continue', 'skip'):
        finite = {} if action == 'none' else dict(action=action)
        run, _ = spoiled('images', finite=finite, at=())
        if action == 'none':
            run._hooks = [h for h in run.hooks if not isinstance(h, FiniteHook)]
        counts[action] = steps = []
        run.model.train_step = counted(run.model.train_step, steps)
        run.train()
    assert counts['stop'] == counts['continue'] == counts['none']
    # It must know before the step, of each stream.
    assert [a - b for a, b in zip(counts['skip'], counts['none'])] == [2] * 4
    kinds = [type(hook) for hook in run.hooks]
    assert kinds.index(RuntimeInfoHook) < kinds.index(FiniteHook)


def test_gradients_in_half_precision_do_not_overflow():
    grads = [torch.full((4096,), 3e4, dtype=torch.float16), torch.ones(3)]
    assert finite_hook._norm(grads) == pytest.approx(64 * 3e4, rel=1e-3)
    sparse = torch.sparse_coo_tensor([[0, 0]], [3.0, 1.0], (9,))
    assert finite_hook._norm([sparse]) == 4


def test_scalars_of_several_devices_are_read_one_by_one():
    assert finite_hook._read([torch.ones(1), 2.0]) == [1, 2]
    meta = torch.ones((), device='meta')
    with pytest.raises((RuntimeError, NotImplementedError)):
        finite_hook._read([torch.ones(1), meta])
    assert finite_hook._read([]) == []


def test_wrong_options():
    with pytest.raises(ValueError, match="'halt' is not one of stop, skip, continue"):
        FiniteHook(action='halt')
    with pytest.raises(ValueError, match='max_skips=-1'):
        FiniteHook(max_skips=-1)


def test_the_check_of_runs_adds_it_once(runner):
    check = dict(type='dynkd.RunCheckHook')
    for own in ([check], [dict(type='dynkd.FiniteHook', action='skip'), check]):
        run = runner(custom_hooks=own)
        run.train()
        (hook,) = [hook for hook in run.hooks if isinstance(hook, FiniteHook)]
        assert hook.action == ('stop' if len(own) == 1 else 'skip')


@pytest.mark.parametrize('at', [(1,), (2,), (1, 2)])
def test_a_step_of_several_iterations_is_left_out_once(spoiled, at):
    run, spoiler = spoiled(
        'own',
        finite=dict(action='skip', max_skips=1),
        at=at,
        optim_wrapper=ACCUMULATED,
    )
    run.train()
    assert run.message_hub.get_info('non_finite_iterations') == 1
    assert not_finite(run.model.state_dict()) is None
    weight = 'streams.student.head.fc.weight'
    states = spoiler.states
    assert torch.equal(states[2][weight], states[0][weight])
    assert not torch.equal(states[4][weight], states[2][weight])
