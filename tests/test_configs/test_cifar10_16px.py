# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The configs of the comparison of all methods differ in the method alone."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = sorted(
    file.relative_to(ROOT / 'configs').with_suffix('').as_posix()
    for file in (ROOT / 'configs').glob('*/*_cifar10-16px.py')
)
#: It is trained to its end.
TEACHER = 'baselines/resnet20_cifar10-16px'
STUDENTS = [name for name in NAMES if name != TEACHER]


@pytest.mark.parametrize('name', NAMES)
def test_data_are_the_same(name, read):
    cfg, alone = read(name), read('baselines/resnet8_cifar10-16px')
    for key in ('train_dataloader', 'val_dataloader', 'randomness'):
        assert cfg[key] == alone[key], key


@pytest.mark.parametrize('name', STUDENTS)
def test_lengths_are_the_same(name, read):
    cfg, alone = read(name), read('baselines/resnet8_cifar10-16px')
    assert cfg.train_cfg == alone.train_cfg
    schedulers = cfg.param_scheduler
    streams = schedulers.values() if isinstance(schedulers, dict) else [schedulers]
    assert all(stream == alone.param_scheduler for stream in streams)


@pytest.mark.parametrize('name', STUDENTS)
def test_students_have_the_optimizer_of_the_student_alone(name, read):
    wrapper = read(name).optim_wrapper
    student = wrapper.get('streams', {}).get('student', wrapper)
    alone = read('baselines/resnet8_cifar10-16px').optim_wrapper
    assert student.optimizer == alone.optimizer


@pytest.mark.parametrize('name', [name for name in NAMES if 'baselines/' not in name])
def test_models_are_those_that_are_trained_alone(name, read):
    streams = read(name).model.streams
    for stream, depth in dict(teacher=20, student=8).items():
        if stream in streams:
            alone = read(f'baselines/resnet{depth}_cifar10-16px')
            assert streams[stream].model == alone.model


@pytest.mark.parametrize(
    'name', [name for name in NAMES if '/resnet20_resnet8' in name]
)
def test_only_the_teacher_of_ekd_starts_from_scratch(name, read):
    teacher = read(name).model.streams.teacher
    if name == 'ekd/resnet20_resnet8_cifar10-16px':
        assert 'checkpoint' not in teacher
    else:
        folder, run, file = teacher.checkpoint.split('/')
        epochs = read(f'baselines/{run}').train_cfg.max_epochs
        assert (folder, file) == ('work_dirs', f'epoch_{epochs}.pth')


def test_the_comparison_has_all_of_them(read):
    suite = read('../benchmarks/comparisons/cifar10_16px')
    # Rows with options, or of another length, ask why another row loses.
    own = ('options', 'epochs')
    rows = [row for row in suite.rows if not any(key in row for key in own)]
    listed = sorted(row.config[len('configs/') : -len('.py')] for row in rows)
    assert listed == NAMES
    controls = {row.name: row.config for row in rows}
    for row in suite.rows:
        if row.get('options'):
            assert row.config == controls[row.against.student] and row.once
