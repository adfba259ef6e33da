# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The command-line tools, alone and in several processes."""

import json

import pytest
import torch


@pytest.fixture(scope='module')
def metrics(run, tools, configs, classification_run, tmp_path_factory) -> dict:
    """What one process and two processes write into ``--out``."""
    folder = tmp_path_factory.mktemp('metrics')
    config, checkpoint = (
        configs / 'resnet_phases.py',
        classification_run / 'epoch_2.pth',
    )
    out = {name: folder / f'{name}.json' for name in ('one', 'two')}
    where = ('--work-dir', folder)
    run(tools / 'test.py', config, checkpoint, *where, '--out', out['one'])
    run(tools / 'dist_test.sh', config, checkpoint, 2, *where, '--out', out['two'])
    return {name: json.loads(path.read_text()) for name, path in out.items()}


def test_dist_train_runs_both_phases_and_keeps_the_processes_equal(classification_run):
    (log,) = classification_run.glob('*/*.log')
    text = log.read_text()
    assert text.count('Phase `dynamic` begins.') == 1
    (scalars,) = classification_run.glob('*/vis_data/scalars.json')
    lines = [json.loads(line) for line in scalars.read_text().splitlines()]
    steps = [line for line in lines if 'loss' in line]
    # 12 images in batches of 3 a process: 2 iterations an epoch.
    assert [step['epoch'] for step in steps] == [1, 1, 2, 2]
    assert 'teacher/loss' not in steps[0] and 'teacher/loss' in steps[-1]
    assert 'loss_mse' in steps[0] and 'loss_kld_teacher' not in steps[0]
    assert 'loss_mse' not in steps[-1] and 'loss_kld_teacher' in steps[-1]


def test_two_processes_test_as_one(metrics, classification_run):
    assert metrics['one'] == metrics['two']
    assert set(metrics['one']) == {'student/accuracy/top1', 'teacher/accuracy/top1'}
    (scalars,) = classification_run.glob('*/vis_data/scalars.json')
    last = json.loads(scalars.read_text().splitlines()[-1])
    for name, value in metrics['one'].items():
        assert value == pytest.approx(last[name])


def test_out_holds_metrics_of_single_classes(
    run, tools, configs, classification_run, tmp_path
):
    run(
        tools / 'test.py', configs / 'resnet_phases.py',
        classification_run / 'epoch_2.pth', '--work-dir', tmp_path,
        '--out', tmp_path / 'out.json', '--cfg-options', 'test_evaluator._delete_=True',
        'test_evaluator.type=SingleLabelMetric', 'test_evaluator.average=None',
        'test_cfg.streams=[student]',
    )  # fmt: skip
    metrics = json.loads((tmp_path / 'out.json').read_text())
    names = ('precision', 'recall', 'f1-score')
    assert set(metrics) == {f'student/single-label/{n}_classwise' for n in names}
    assert [len(values) for values in metrics.values()] == [3] * 3
    assert all(0 <= value <= 100 for values in metrics.values() for value in values)


def test_exported_student_is_not_tested_as_a_distillation(
    run, tools, configs, classification_run, tmp_path
):
    refused = run(
        tools / 'test.py', configs / 'resnet_phases.py',
        classification_run / 'student.pth', '--work-dir', tmp_path, status=1,
    )  # fmt: skip
    assert 'the checkpoint is not of this distillation' in refused.stderr


def test_out_must_be_json(run, tools, configs):
    refused = run(
        tools / 'test.py', configs / 'resnet_phases.py', 'x.pth', '--out', 'x.txt',
        status=2,
    )  # fmt: skip
    assert '--out must end with .json' in refused.stderr


def test_validate_shows_what_a_training_begins_with(
    run, tools, configs, classification_run, tmp_path
):
    """A student that predicts the second class whatever it sees."""
    start = torch.load(classification_run / 'student.pth', weights_only=True)
    start['state_dict']['head.fc.bias'][1] = 1e6
    torch.save(start, tmp_path / 'start.pth')
    run(
        tools / 'validate.py', configs / 'resnet_phases.py', '--work-dir', tmp_path,
        '--out', tmp_path / 'out.json', '--cfg-options',
        f'model.streams.student.checkpoint={tmp_path / "start.pth"}',
        'val_evaluator._delete_=True', 'val_evaluator.type=SingleLabelMetric',
        'val_evaluator.average=None', 'val_cfg.streams=[student]',
        'default_hooks.checkpoint.save_best=auto',
        # The training data are not looked at.
        'train_dataloader.dataset.type=NoSuchDataset',
        # As the config of a resumed run says.
        'resume=True',
    )  # fmt: skip
    metrics = json.loads((tmp_path / 'out.json').read_text())
    assert metrics['student/single-label/recall_classwise'] == [0, 100, 0]
    assert [path.name for path in tmp_path.glob('*.pth')] == ['start.pth']
    # The training's own config may be there.
    assert [path.name for path in tmp_path.glob('*.py')] == [
        'validate_resnet_phases.py'
    ]


def test_mixed_precision_without_accelerator_says_so(run, tools, configs, tmp_path):
    refused = run(
        tools / 'train.py', configs / 'resnet_phases.py', '--work-dir', tmp_path,
        '--amp', '--cfg-options', 'train_cfg.max_epochs=1', status=1,
    )  # fmt: skip
    assert 'is only available training on gpu' in refused.stderr
