# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import copy
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.hooks import CheckpointHook, Hook
from mmengine.logging import MessageHub

from dynkd.engine.functions import seed_worker
from dynkd.engine.hooks import exact_resume_hook as module
from dynkd.engine.hooks.exact_resume_hook import ExactResumeHook
from dynkd.engine.hooks.seeded_batches import SeededBatches
from dynkd.registry import FUNCTIONS, HOOKS
from dynkd.utils import RandomState, seed_everything

PLATEAU = dict(type='ReduceOnPlateauLR', monitor='student/accuracy/top1', patience=0)
EXACT = dict(type='dynkd.ExactResumeHook')


class Seeded:
    """As much of a runner as seeding asks for."""

    def __init__(self, seed: int = 1, epoch: int = 0, iter: int = 0):
        self.seed, self.epoch, self.iter = seed, epoch, iter


class Events(Hook):
    """Notes validations and iterations in their order."""

    priority = 'LOWEST'

    def __init__(self):
        self.log = []

    def after_val_epoch(self, runner, metrics=None):
        self.log.append(f'val {runner.iter}')

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.log.append(f'iter {runner.iter}')


class Killed(Hook):
    """Ends the run between a checkpoint and the validation of its epoch."""

    def before_val(self, runner):
        raise RuntimeError('killed')


def draws() -> tuple:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_seeding_depends_on_its_arguments_alone(monkeypatch):
    hook = ExactResumeHook()
    seen = set()
    for rank in (0, 1):
        monkeypatch.setattr(module, 'get_rank', lambda rank=rank: rank)
        for seed in (1, 2):
            for at in (0, 1):
                hook.before_train_epoch(Seeded(seed, epoch=at))
                first = draws()
                torch.rand(7)
                hook.before_train_epoch(Seeded(seed, epoch=at, iter=99))
                assert draws() == first
                seen.add(first)
                hook.before_train_iter(Seeded(seed, epoch=99, iter=at), 0)
                first = draws()
                hook.before_train_iter(Seeded(seed, epoch=0, iter=at), 5)
                assert draws() == first
                seen.add(first)
    assert len(seen) == 16


def test_workers_follow_the_main_process():
    function = FUNCTIONS.get('dynkd.seed_worker')
    assert function is seed_worker
    torch.manual_seed(5)
    function(0)
    first = random.random(), np.random.rand()
    random.random(), np.random.rand()
    function(0)
    assert (random.random(), np.random.rand()) == first
    torch.manual_seed(6)
    function(0)
    assert (random.random(), np.random.rand()) != first


def test_the_seed_is_made_known(monkeypatch):
    """The first process's, which others may differ from."""

    def broadcast(data: list) -> None:
        data[:] = [7]

    runner = Seeded(seed=3)
    runner.train_dataloader = SimpleNamespace(num_workers=0)
    runner.train_loop = None
    hub = MessageHub.get_current_instance()
    HOOKS.build(EXACT).before_train(runner)
    assert hub.get_info('seed') == 3
    monkeypatch.setattr(module, 'broadcast_object_list', broadcast)
    HOOKS.build(EXACT).before_train(runner)
    assert hub.get_info('seed') == 7


def checkpointed(runner, events, **cfg):
    """A run that saves each epoch and has a learning rate that follows a metric."""
    return runner(
        custom_hooks=[EXACT, events],
        param_scheduler=dict(student=[dict(PLATEAU)], teacher=[]),
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook', interval=1, save_best='student/accuracy/top1'
            )
        ),
        **cfg,
    )


def test_unseen_validation_is_caught_up(runner, tmp_path):
    """A checkpoint is saved before its epoch's validation, which a schedule awaits."""
    with pytest.raises(RuntimeError, match='killed'):
        checkpointed(runner, Killed()).train()
    saved = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)
    assert saved['meta']['validated'] is False
    events = Events()
    start = str(tmp_path / 'epoch_1.pth')
    checkpointed(runner, events, resume=True, load_from=start).train()
    assert events.log == ['val 2', 'iter 2', 'iter 3', 'val 4']


def test_resumed_run_equals_an_unbroken_one(runner, tmp_path):
    """Weights and the schedule that follows a metric: bit for bit."""
    whole = checkpointed(runner, Events(), work_dir=str(tmp_path / 'whole'))
    whole.train()
    with pytest.raises(RuntimeError, match='killed'):
        checkpointed(runner, Killed()).train()
    torch.rand(100)
    start = str(tmp_path / 'epoch_1.pth')
    run = checkpointed(runner, Events(), resume=True, load_from=start)
    run.train()
    for key, value in whole.model.state_dict().items():
        torch.testing.assert_close(run.model.state_dict()[key], value, rtol=0, atol=0)
    schedules = [r.param_schedulers['student'][0].state_dict() for r in (whole, run)]
    assert schedules[0] == schedules[1]
    assert schedules[0]['last_step'] == 0 and schedules[0]['best'] >= 0


def test_drawn_paths_and_review_are_resumed(runner, classifier, tmp_path):
    """A run whose blocks are swapped at random, with the teacher's statistics."""

    class Drawn(Hook):
        def __init__(self):
            self.log = []

        def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
            keys = 'p', 'swapped'
            self.log.append([outputs[f'interaction/{key}'].item() for key in keys])

    deep = classifier()
    deep['backbone']['depth'] = 34
    streams = dict(
        teacher=dict(model=deep, frozen=True, input_shape=(3, 32, 32)),
        student=dict(model=classifier(), input_shape=(3, 32, 32)),
    )
    probability = dict(type='ReviewSchedule', start=0.1)
    interaction = dict(probability=probability, track_teacher_stats=True)

    def run(name, **cfg):
        torch.manual_seed(4)  # the teacher has no checkpoint
        drawn = Drawn()
        built = runner(
            model=dict(
                type='dynkd.InteractiveDistillation',
                streams=streams,
                interaction=interaction,
            ),
            custom_hooks=[EXACT, dict(type='dynkd.LearningRateHook'), drawn],
            optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
            param_scheduler=[dict(type='MultiStepLR', milestones=[2])],
            train_cfg=dict(by_epoch=True, max_epochs=4),
            work_dir=str(tmp_path / name),
            **cfg,
        )
        teacher = built.model.stream('teacher').model
        teacher.load_state_dict(pretrained or teacher.state_dict())
        pretrained.update(copy.deepcopy(teacher.state_dict()))
        built.train()
        return built, drawn.log

    pretrained: dict = {}
    whole, log = run('whole')
    torch.rand(100)
    start = str(tmp_path / 'whole' / 'epoch_1.pth')
    resumed, rest = run('resumed', resume=True, load_from=start)
    assert [p for p, _ in log] == pytest.approx([0.1, 0.1, 1, 1] * 2)
    assert rest == log[2:] and any(share > 0 for _, share in rest)
    for stream in ('student', 'teacher'):
        states = [r.model.stream(stream).model.state_dict() for r in (whole, resumed)]
        assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert not torch.equal(
        states[0]['backbone.layer1.1.bn1.running_mean'],
        pretrained['backbone.layer1.1.bn1.running_mean'],
    )


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize('sampler', ['InfiniteSampler', 'DefaultSampler'])
def test_training_that_counts_iterations_is_resumed(
    runner, tmp_path, monkeypatch, sampler, workers
):
    """Augmentations of what comes after the checkpoint, and so the weights."""
    monkeypatch.setattr('mmengine.runner.loops.time.sleep', lambda seconds: None)

    class Seen(Hook):
        def __init__(self):
            self.sums = []

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            self.sums.append(data_batch['inputs'].sum().item())

    def run(name, **cfg):
        seen = Seen()
        work_dir = str(tmp_path / name)
        built = runner(custom_hooks=[EXACT, seen], work_dir=work_dir, **cfg)
        built.train()
        return built, seen.sums

    loading = dict(sampler=dict(type=sampler), num_workers=workers)
    if workers:
        loading['worker_init_fn'] = dict(type='dynkd.seed_worker')
    cfg = dict(
        loading=loading,
        train_cfg=dict(by_epoch=False, max_iters=5, val_interval=9),
        default_hooks=dict(
            checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=3)
        ),
    )
    whole, sums = run('whole', **cfg)
    assert len(set(sums)) == 5
    torch.rand(100)
    start = str(tmp_path / 'whole' / 'iter_3.pth')
    resumed, rest = run('resumed', resume=True, load_from=start, **cfg)
    assert rest == sums[3:]
    for key, value in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[key], value), key


def test_validation_after_each_iteration_is_caught_up(runner, tmp_path):
    """The state that is saved in an iteration has not seen its validation."""
    cfg = dict(
        train_cfg=dict(by_epoch=False, max_iters=3, val_interval=1),
        default_hooks=dict(
            checkpoint=dict(
                type='CheckpointHook',
                by_epoch=False,
                interval=1,
                save_best='student/accuracy/top1',
            )
        ),
    )
    saved = {}

    class Saved(Hook):
        def before_save_checkpoint(self, runner, checkpoint):
            meta = checkpoint['meta']
            saved.setdefault(meta['iter'], meta['validated'])

    runner(custom_hooks=[EXACT, Saved()], **cfg).train()
    assert saved == {1: False, 2: False, 3: False}


def test_batches_that_are_skipped_are_counted(monkeypatch):
    """OneDL's loop skips the batches of a resumed run without loading them."""

    class Batches:
        skipped, made = 0, False

        def _ensure_iterator(self):
            if not self.made:
                self.made = bool(draws())

        def __next__(self):
            self._ensure_iterator()
            return draws()

        def skip_iter(self, number):
            self.skipped += number

    def batches(workers=0, rank=0):
        return SeededBatches(Batches(), workers, 3, rank)

    unbroken = batches()
    drawn = [next(unbroken) for _ in range(4)]
    assert len(set(drawn)) == 4 and iter(unbroken) is unbroken
    for workers in (0, 2):
        resumed = batches(workers)
        resumed.skip_iter(2)
        assert next(resumed) == drawn[2]
        # Workers go on with their random numbers: they load what is skipped.
        assert resumed._batches.skipped == (0 if workers else 2)
    monkeypatch.delattr(Batches, '_ensure_iterator')
    monkeypatch.setattr(Batches, '__next__', lambda self: draws())
    resumed = batches()
    resumed.skip_iter(2)
    # What is not known to skip well is not asked to.
    assert next(resumed) == drawn[2] and resumed._batches.skipped == 0
    assert next(batches(rank=1)) != drawn[0]


def test_run_that_starts_with_the_first_batches_again_is_warned_of(monkeypatch):
    said = []
    monkeypatch.setattr(module, 'print_log', lambda text, **kwargs: said.append(text))
    runner = Seeded(iter=4)
    loader = SimpleNamespace(num_workers=2, persistent_workers=True)
    loop = SimpleNamespace(dataloader=loader, dataloader_iterator=iter([]))
    runner.train_dataloader, runner.train_loop = loader, loop
    HOOKS.build(EXACT).before_train(runner)
    assert said == []
    first = loop.dataloader_iterator
    loop.fast_forward_on_resume = True
    HOOKS.build(EXACT).before_train(runner)
    assert len(said) == 1 and 'fast_forward_on_resume' in said[0]
    assert loop.dataloader_iterator is first and isinstance(first, SeededBatches)


def test_unseen_validation_is_caught_up_where_intervals_change(runner, tmp_path):
    length = dict(by_epoch=True, max_epochs=3, val_interval=10)
    cfg = dict(train_cfg=dict(length, dynamic_intervals=[(2, 1)]))
    whole = Events()
    checkpointed(runner, whole, **cfg).train()
    assert 'val 4' in whole.log
    path = tmp_path / 'epoch_2.pth'
    saved = torch.load(path, weights_only=False)
    saved['meta']['validated'] = False
    torch.save(saved, path)
    events = Events()
    checkpointed(runner, events, resume=True, load_from=str(path), **cfg).train()
    assert events.log[0] == 'val 4'


@pytest.mark.parametrize('interval', [1, 2])
def test_a_checkpoint_by_iterations_is_warned_of(
    runner, tmp_path, monkeypatch, interval
):
    """Of the first of two iterations, and of the last of them."""
    saver = dict(type='CheckpointHook', by_epoch=False, interval=interval)
    runner(custom_hooks=[EXACT], default_hooks=dict(checkpoint=saver)).train()
    said = []
    monkeypatch.setattr(module, 'print_log', lambda text, **kwargs: said.append(text))
    start = str(tmp_path / f'iter_{interval}.pth')
    runner(custom_hooks=[EXACT], resume=True, load_from=start).train()
    assert sum('Resumed within epoch 1' in text for text in said) == 1


def test_validation_that_was_seen_is_not_repeated(runner, tmp_path):
    checkpointed(runner, Events()).train()
    best = next(tmp_path.rglob('best_*.pth'))
    saved = torch.load(best, weights_only=False)
    assert saved['meta']['validated'] is True
    # The best one has no optimizer, and cannot be resumed.
    whole = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)
    torch.save(dict(whole, meta=saved['meta']), tmp_path / 'seen.pth')
    events = Events()
    path = str(tmp_path / 'seen.pth')
    cfg = dict(resume=True, load_from=path, train_cfg=dict(by_epoch=True, max_epochs=3))
    checkpointed(runner, events, **cfg).train()
    assert events.log[0].startswith('iter')


def test_without_a_schedule_that_follows_nothing_is_repeated(runner, tmp_path):
    runner(custom_hooks=[EXACT]).train()
    events = Events()
    runner(
        custom_hooks=[EXACT, events],
        resume=True,
        load_from=str(tmp_path / 'epoch_1.pth'),
    ).train()
    assert events.log == ['iter 2', 'iter 3', 'val 4']


def test_validation_at_the_very_end_is_caught_up(runner, tmp_path):
    """Killed after the last epoch: nothing is left to train, the best is not known."""
    checkpointed(runner, Events()).train()
    path = tmp_path / 'epoch_2.pth'
    saved = torch.load(path, weights_only=False)
    saved['meta']['validated'] = False
    torch.save(saved, path)
    events = Events()
    run = checkpointed(runner, events, resume=True, load_from=str(path))
    run.train()
    assert events.log == ['val 4']


@pytest.mark.parametrize('persistent', [True, False])
def test_persistent_workers_are_warned_of(monkeypatch, persistent):
    class Loader(list):
        num_workers = 2
        persistent_workers = persistent

    runner = Seeded()
    runner.train_dataloader, runner.train_loop = Loader(), None
    said = []
    monkeypatch.setattr(module, 'print_log', lambda text, **kwargs: said.append(text))
    HOOKS.build(EXACT).before_train(runner)
    assert ['persistent_workers=False' in text for text in said] == [True] * persistent


def test_random_state():
    state = RandomState.capture()
    first = draws()
    state.restore()
    assert draws() == first
    seed_everything(1, 2)
    first = draws()
    seed_everything(1, 2)
    assert draws() == first
    seed_everything(2, 1)
    assert draws() != first


@pytest.fixture
def shared(monkeypatch):
    """What one of two processes takes over from the first, and when."""
    taken: list = []
    monkeypatch.setattr(module, 'get_world_size', lambda: 2)
    monkeypatch.setattr(module, 'broadcast', lambda value: taken.append(value))
    return taken


def test_processes_share_their_buffers_and_no_parameters(runner, shared):
    run = runner(custom_hooks=[EXACT])
    run.train()
    model = run.model
    state, parameters = model.state_dict(), dict(model.named_parameters())
    buffers = [name for name in state if name not in parameters]
    assert buffers and all('running_' in n or 'num_batches' in n for n in buffers)
    # At the end of each of two epochs, and before each validation.
    assert [value.shape for value in shared] == [state[n].shape for n in buffers] * 4


def test_processes_share_buffers_that_are_saved_by_iterations(shared):
    runner = SimpleNamespace(iter=1, max_iters=9, model=torch.nn.BatchNorm1d(3))
    runner.hooks = [CheckpointHook(interval=2, by_epoch=False)]
    taken = []
    for runner.iter in range(4):
        before = len(shared)
        ExactResumeHook().after_train_iter(runner, 0)
        taken.append(len(shared) - before)
    assert taken == [0, 3, 0, 3]


def test_one_process_shares_nothing(runner, monkeypatch):
    monkeypatch.setattr(module, 'broadcast', None)
    runner(custom_hooks=[EXACT]).train()
