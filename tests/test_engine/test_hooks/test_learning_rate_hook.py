# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The drops that the hook foretells against those of MMEngine's real schedules."""

import copy
import pickle
import re
import warnings
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop

from dynkd.engine.hooks.learning_rate_hook import LearningRateHook
from dynkd.models.schedules import Progress

LENGTH = 7
MULTI_STEP = dict(type='MultiStepLR', milestones=[10, 15], gamma=0.1)
WARM_UP = dict(type='LinearLR', start_factor=0.01, end=3)


def by_iter(cfg: dict, **kwargs) -> dict:
    return dict(cfg, by_epoch=False, **kwargs)


def wrapper(*rates: float) -> OptimWrapper:
    groups = [dict(params=[torch.nn.Parameter(torch.ones(1))], lr=r) for r in rates]
    return OptimWrapper(torch.optim.SGD(groups, lr=0.1, momentum=0.9))


def schedule(optimizer: OptimWrapper, *cfgs: dict) -> list:
    return [PARAM_SCHEDULERS.build(dict(cfg, optimizer=optimizer)) for cfg in cfgs]


def planned(schedulers, epochs: int = 20, loop: type = EpochBasedTrainLoop):
    """As much of a runner as the hook asks for."""
    train_loop = object.__new__(loop)
    train_loop.dataloader = range(LENGTH)
    train_loop._max_iters = epochs * LENGTH
    return SimpleNamespace(train_loop=train_loop, param_schedulers=schedulers)


def foretold(schedulers, *args, **kwargs) -> Progress:
    LearningRateHook().before_train(planned(schedulers, *args, **kwargs))
    return Progress.current()


def trained(optimizer: OptimWrapper, schedulers: list, epochs: int) -> list[float]:
    """The highest learning rate of each iteration of a real training."""
    rates = []
    for _ in range(epochs):
        for _ in range(LENGTH):
            rates.append(max(group['lr'] for group in optimizer.param_groups))
            optimizer.step()
            for scheduler in schedulers:
                if not scheduler.by_epoch:
                    scheduler.step()
        for scheduler in schedulers:
            if scheduler.by_epoch:
                scheduler.step()
    return rates


@pytest.mark.parametrize(
    ('cfgs', 'expected'),
    [
        ([], ()),
        ([MULTI_STEP], (10, 15)),
        ([WARM_UP, MULTI_STEP], (10, 15)),
        ([by_iter(WARM_UP, end=20), dict(MULTI_STEP, begin=2)], (12, 17)),
        ([by_iter(MULTI_STEP, milestones=[10 * LENGTH, 15 * LENGTH])], (10, 15)),
        # Within the eleventh epoch: the twelfth is the first that is wholly lower.
        ([by_iter(MULTI_STEP, milestones=[10 * LENGTH + 1])], (11,)),
        ([dict(type='StepLR', step_size=6, gamma=0.5)], (6, 12, 18)),
        ([dict(type='ConstantLR', factor=0.5, end=4)], ()),
        ([dict(type='MultiStepLR', milestones=[4, 9], gamma=10.0)], ()),
        ([dict(type='MultiStepMomentum', milestones=[4], gamma=0.1)], ()),
        (
            [MULTI_STEP, dict(type='MultiStepLR', milestones=[12], gamma=0.5)],
            (10, 12, 15),
        ),
        # Steps are steps, however near to one another.
        ([dict(MULTI_STEP, milestones=[3, 4, 5, 6])], (3, 4, 5, 6)),
        (
            [by_iter(MULTI_STEP, milestones=[LENGTH * n for n in (2, 3, 4)])],
            (2, 3, 4),
        ),
        (
            [dict(MULTI_STEP, milestones=[4, 6]), dict(MULTI_STEP, milestones=[5])],
            (4, 5, 6),
        ),
        # Behind the end.
        ([dict(MULTI_STEP, milestones=[10, 20, 30])], (10,)),
    ],
)
def test_drops_are_those_of_the_real_training(cfgs, expected):
    optimizer = wrapper(0.001, 0.1, 0.01)
    schedulers = schedule(optimizer, *cfgs)
    progress = foretold(schedulers)
    assert progress.lr_drops == {'': expected}
    assert progress.lr_without_steps == {} and progress.by_epoch
    rates = trained(optimizer, schedulers, 20)
    drops = [i for i in range(1, len(rates)) if rates[i] < rates[i - 1] * (1 - 1e-9)]
    assert expected == tuple(-(-i // LENGTH) for i in drops)


def test_the_real_schedules_are_not_touched():
    optimizer = wrapper(0.1, 0.01)
    schedulers = schedule(optimizer, by_iter(WARM_UP, end=20), MULTI_STEP)

    def state():
        own = [scheduler.state_dict() for scheduler in schedulers]
        groups = [
            {k: v for k, v in g.items() if k != 'params'}
            for g in optimizer.param_groups
        ]
        return pickle.dumps((copy.deepcopy(own), groups, optimizer._global_step))

    before = state()
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        foretold(schedulers)
    assert state() == before
    assert all(scheduler.optimizer is optimizer for scheduler in schedulers)


def test_in_the_middle_of_a_training():
    """A resumed run foretells the same."""
    optimizer = wrapper(0.1)
    schedulers = schedule(optimizer, by_iter(WARM_UP, end=20), MULTI_STEP)
    trained(optimizer, schedulers, 12)
    assert foretold(schedulers).lr_drops == {'': (10, 15)}


def test_each_stream_has_its_own():
    schedulers = dict(
        student=schedule(wrapper(0.1), MULTI_STEP),
        teacher=schedule(wrapper(0.2), dict(type='CosineAnnealingLR', T_max=20)),
        other=[],
    )
    progress = foretold(schedulers)
    assert progress.lr_drops == dict(student=(10, 15), other=())
    assert set(progress.lr_without_steps) == {'teacher'}


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (
            dict(type='CosineAnnealingLR', T_max=20),
            r'CosineAnnealingLR\) lowers.*3 to 5',
        ),
        (by_iter(dict(type='CosineAnnealingLR', T_max=20 * LENGTH)), 'epochs 1 to 3'),
        (dict(type='ExponentialLR', gamma=0.97), 'ExponentialLR'),
        (by_iter(dict(type='PolyLR', begin=50, end=140)), 'PolyLR.*epochs 8 to 10'),
        (by_iter(dict(type='OneCycleLR', eta_max=1.0, total_steps=140)), 'OneCycleLR'),
        (dict(type='StepLR', step_size=1, gamma=0.5), 'StepLR'),
        (dict(type='ReduceOnPlateauLR', monitor='x'), 'ReduceOnPlateauLR follows a me'),
    ],
)
def test_without_steps(cfg, message):
    progress = foretold(schedule(wrapper(0.1), WARM_UP, cfg))
    assert progress.lr_drops == {}
    assert re.search(message, progress.lr_without_steps[''])


def test_steps_do_not_hide_a_slope():
    slope = dict(type='ExponentialLR', gamma=0.9, begin=4, end=9)
    listed = dict(MULTI_STEP, milestones=[5, 6])
    for cfgs in ((slope, listed), (listed, slope)):
        progress = foretold(schedule(wrapper(0.1), *cfgs))
        assert progress.lr_drops == {}
        assert 'each of the epochs 5 to 7' in progress.lr_without_steps['']


def test_iterations():
    schedulers = schedule(wrapper(0.1), by_iter(MULTI_STEP), MULTI_STEP)
    progress = foretold(schedulers, loop=IterBasedTrainLoop)
    # What counts epochs does not step.
    assert progress.lr_drops == {'': (10, 15)} and not progress.by_epoch
    slope = schedule(wrapper(0.1), by_iter(dict(type='ExponentialLR', gamma=0.9)))
    progress = foretold(slope, loop=IterBasedTrainLoop)
    assert 'iterations 1 to 3' in progress.lr_without_steps['']


def test_no_schedule():
    assert foretold(None).lr_drops == {'': ()}


def test_what_was_saved_gives_way():
    """It is saved, since MMEngine warns of what a message hub had and did not save."""
    first = foretold(schedule(wrapper(0.1), MULTI_STEP))
    hub = MessageHub.get_current_instance()
    saved = hub.state_dict()
    MessageHub._instance_dict.pop(hub.instance_name)
    MessageHub.get_instance('test').load_state_dict(saved)
    assert Progress.current().lr_drops == first.lr_drops
    later = foretold(schedule(wrapper(0.1), dict(MULTI_STEP, milestones=[3])))
    assert later.lr_drops == {'': (3,)} != first.lr_drops


class Rates(Hook):
    """Notes what each epoch's learning rates and the foretold drops are."""

    def __init__(self):
        self.rates, self.drops = [], []

    def before_train_epoch(self, runner):
        self.rates.append(runner.optim_wrapper.get_lr()['student.lr'][0])
        self.drops.append(Progress.current().lr_drops)


def test_in_a_real_run(runner, tmp_path):
    def run(**cfg):
        rates = Rates()
        runner(
            custom_hooks=[dict(type='dynkd.LearningRateHook'), rates],
            param_scheduler=dict(
                student=[by_iter(WARM_UP, end=2), dict(MULTI_STEP, milestones=[2, 3])],
                teacher=[dict(MULTI_STEP, milestones=[1])],
            ),
            train_cfg=dict(by_epoch=True, max_epochs=4),
            **cfg,
        ).train()
        return rates

    whole = run()
    assert whole.drops == [dict(student=(2, 3), teacher=(1,))] * 4
    low = [b < 0.5 * a for a, b in zip(whole.rates, whole.rates[1:])]
    assert low == [False, True, True]
    resumed = run(resume=True, load_from=str(tmp_path / 'epoch_3.pth'))
    assert resumed.drops == [dict(student=(2, 3), teacher=(1,))]
    assert resumed.rates == whole.rates[3:]
