# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a comparison computes: lengths, intervals, the time left, devices."""

from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[3]


def test_length_is_scaled_with_the_drops_and_the_phases(modules, project):
    cfg = Config.fromfile(project / 'pair.py')
    options = modules['length'].length_options(cfg, 12)
    assert options == [
        'train_cfg.max_epochs=12',
        'train_cfg.val_interval=10',
        'param_scheduler.0.milestones=[4,8]',
        'model.phases.1.begin=6',
    ]
    assert modules['length'].length_options(cfg, None) == []


_DROP = dict(type='StepLR', step_size=10)


@pytest.mark.parametrize(
    ('schedules', 'options'),
    [
        (None, []),
        (_DROP, ['param_scheduler.step_size=5']),
        ([_DROP], ['param_scheduler.0.step_size=5']),
        (dict(teacher=_DROP), ['param_scheduler.teacher.step_size=5']),
        (dict(teacher=[_DROP]), ['param_scheduler.teacher.0.step_size=5']),
        (
            [dict(type='CosineRestartLR', periods=[10, 20], by_epoch=True)],
            ['param_scheduler.0.periods=[5,10]'],
        ),
        ([dict(_DROP, by_epoch=False)], []),
    ],
)
def test_all_notations_of_schedules_are_scaled(modules, schedules, options):
    cfg = Config(dict(model=dict(), train_cfg=dict(max_epochs=30)))
    if schedules is not None:
        cfg.param_scheduler = schedules
    found = modules['length'].length_options(cfg, 15)
    assert found == ['train_cfg.max_epochs=15', 'train_cfg.val_interval=1', *options]


@pytest.mark.parametrize(
    ('schedule', 'epochs', 'options'),
    [
        (dict(begin=1), 1, ['begin=0']),
        (dict(begin=1), 2, ['begin=1']),
        (dict(begin=15), 30, ['begin=15']),
        # They would end where they begin.
        (dict(begin=2, end=5), 2, ['begin=0', 'end=1']),
        (dict(begin=14, end=16), 20, ['begin=9', 'end=11']),
        # It ends after the training: then it need not begin in it.
        (dict(begin=29, end=60), 3, ['begin=3', 'end=6']),
    ],
)
def test_schedules_begin_before_they_end(modules, schedule, epochs, options):
    cfg = Config(dict(model=dict(), train_cfg=dict(max_epochs=30)))
    cfg.param_scheduler = dict(type='CosineAnnealingLR', **schedule)
    _, _, *found = modules['length'].length_options(cfg, epochs)
    assert found == [f'param_scheduler.{option}' for option in options]


def test_a_warm_up_fits_into_one_epoch(modules):
    cfg = Config.fromfile(ROOT / 'configs/dkd/fcos_r18_r18half_digits.py')
    found = modules['length'].length_options(cfg, 1)
    assert {option for option in found if 'begin' in option} == {
        'param_scheduler.teacher.1.begin=0',
        'param_scheduler.student.1.begin=0',
    }


def test_interval_of_a_paired_difference(modules):
    # By hand: d = 1, 2, 3; sd 1; t(.975, 2) = 4.3027; half = 4.3027 / sqrt(3).
    found = modules['intervals'].paired_difference(
        {0: 11.0, 1: 22.0, 2: 33.0, 7: 1.0}, {0: 10.0, 1: 20.0, 2: 30.0, 8: 5.0}
    )
    assert (found.mean, found.pairs) == (2.0, 3)
    assert found.half == pytest.approx(2.4841, abs=1e-4)
    assert not found.decided
    assert modules['intervals'].paired_difference({0: 1.0}, {1: 1.0}) is None


def test_time_left(modules):
    spec, progress = modules['spec'], modules['progress']

    class Of:
        epochs = 10

        def __init__(self, name):
            self.row = spec.Row(name, 'config.py')

    shown = progress.Progress(4, 0, 2, {'a': 60.0, 'b': 120.0})
    work = [(Of('a'), 5.0), (Of('b'), 0.0), (Of('new'), 0.0)]
    # 5 x 60 + 10 x 120 + 10 x 90 seconds on two slots.
    assert shown.seconds_left(work) == pytest.approx(1200)
    assert progress.duration(1200) == '20 min'
    assert progress.duration(3700) == '1 h 02 min'
    assert progress.duration(progress.Progress(1, 0, 1, {}).seconds_left(work)) == (
        'an unknown time'
    )


def test_epochs_are_read_off_the_log(modules, tmp_path):
    epochs_done = modules['progress'].epochs_done
    assert epochs_done(tmp_path) == 0
    lines = 'Epoch(train)  [1][50/52]  lr: 1\nEpoch(train)   [3][ 26/52]  lr: 1\n'
    (tmp_path / 'train.log').write_text(lines + 'Epoch(val) [3][1/2]\n' + 'x' * 100)
    assert epochs_done(tmp_path) == 2.5


def test_gpus_are_shared_out(modules, monkeypatch):
    import torch

    devices_of = modules['pool'].devices_of
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 2)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    assert devices_of(None) == ['0', '1']
    assert devices_of(3) == ['0', '1', '0']
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '5,7')
    assert devices_of(2) == ['5', '7']
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 0)
    assert devices_of(None) == [None]
    assert devices_of(2) == [None, None]
    assert modules['pool'].environment(None)['OMP_NUM_THREADS'] == '1'
    assert modules['pool'].environment('7')['CUDA_VISIBLE_DEVICES'] == '7'
