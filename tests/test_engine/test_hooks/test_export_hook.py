# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.registry import MODELS
from torch.utils.data import DataLoader, Subset

EXPORT = 'dynkd.ExportHook'


def test_streams_are_written_for_their_plain_library(runner, tmp_path):
    run = runner(
        teacher=dict(frozen=True), custom_hooks=[dict(type=EXPORT, priority='LOWEST')]
    )
    run.train()
    assert not (tmp_path / 'teacher.pth').exists()
    saved = torch.load(tmp_path / 'student.pth', weights_only=True)
    cfg = Config.fromfile(tmp_path / 'student.py')
    assert cfg.default_scope == 'mmpretrain'
    assert 'dynkd' not in cfg.pretty_text
    plain = MODELS.build(cfg.model)
    plain.load_state_dict(saved['state_dict'], strict=True)
    batch = next(iter(run.val_dataloader))
    expected = run.model.eval().predict_streams(batch)['student']
    for own, its in zip(plain.eval().val_step(batch), expected):
        torch.testing.assert_close(own.pred_score, its.pred_score)
    assert saved['meta']['dataset_meta'] == dict(classes=list('abcde'))


def test_named_streams(runner, tmp_path):
    hook = dict(type=EXPORT, streams=['teacher'])
    runner(teacher=dict(frozen=True), custom_hooks=[hook]).train()
    assert sorted(p.name for p in tmp_path.glob('*er.pth')) == ['teacher.pth']


def test_unknown_stream_stops_before_the_training(runner, tmp_path):
    run = runner(custom_hooks=[dict(type=EXPORT, streams=['tutor'])])
    with pytest.raises(KeyError, match='no stream `tutor`'):
        run.train()
    assert not list(tmp_path.glob('*.pth'))


def test_branches_are_exported_by_option(runner, classifier, tmp_path):
    branches = dict(module=dict(type='GuidedModule', out_channels=8))
    student = dict(model=classifier(), branches=branches, input_shape=(3, 32, 32))
    run = runner(
        model=dict(type='dynkd.Distillation', streams=dict(student=student)),
        optim_wrapper=dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[dict(type=EXPORT, branches=True)],
    )
    run.train()
    plain, whole = (
        torch.load(tmp_path / f'{name}.pth', weights_only=True)['state_dict']
        for name in ('student', 'student_with-branches')
    )
    assert not any(key.startswith('branches.') for key in plain)
    assert set(whole) == set(run.model.stream('student').model.state_dict())
    assert set(plain) < set(whole)


@pytest.mark.parametrize('update_buffers', [True, False])
def test_averaged_weights_are_exported_as_they_are_saved(
    runner, tmp_path, update_buffers
):
    average = dict(type='EMAHook', momentum=0.1, update_buffers=update_buffers)
    hook = dict(type=EXPORT, streams=['teacher', 'student'])
    run = runner(
        teacher=dict(frozen=True),
        custom_hooks=[average, hook],
        default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=1)),
    )
    run.train()
    saved = torch.load(tmp_path / 'epoch_2.pth', weights_only=False)['state_dict']
    student, teacher = (
        torch.load(tmp_path / f'{name}.pth', weights_only=True)['state_dict']
        for name in ('student', 'teacher')
    )
    for key, value in student.items():
        assert torch.equal(value, saved[f'streams.student.{key}']), key
    trained = run.model.stream('student').model.state_dict()
    # The model itself keeps its own.
    assert not torch.equal(student['head.fc.weight'], trained['head.fc.weight'])
    for key, value in run.model.stream('teacher').model.state_dict().items():
        assert torch.equal(teacher[key], value), key


@pytest.mark.parametrize('wrapped, classes', [(True, list('abcde')), (False, None)])
def test_data_sets_that_say_nothing_of_classes(runner, tmp_path, wrapped, classes):
    images = runner().train_dataloader.dataset
    data = Subset(images, range(4)) if wrapped else [images[i] for i in range(4)]
    loader = DataLoader(data, batch_size=2, collate_fn=default_collate)
    hooks = [dict(type=EXPORT)]
    run = runner(train_dataloader=loader, custom_hooks=hooks, experiment_name='plain')
    run.train()
    meta = torch.load(tmp_path / 'student.pth', weights_only=True)['meta']
    assert meta['dataset_meta'].get('classes') == classes


@pytest.mark.parametrize('metric', ['student/accuracy/top1', 'accuracy/top1'])
def test_the_best_weights_are_exported_beside_the_last(
    runner, tmp_path, monkeypatch, metric
):
    """The first epoch is the best here, and the second the last."""
    said = []
    monkeypatch.setattr(
        'dynkd.engine.hooks.export_hook.print_log', lambda text, **_: said.append(text)
    )
    only = dict(type='dynkd.StreamValLoop', streams=['student'])
    # A plain loop, whose metric names no stream, becomes one over both streams.
    loop, count = (only, 1) if metric.startswith('student') else (dict(), 2)
    scores = iter([0.5] * count + [0.25] * count)
    monkeypatch.setattr(
        'mmpretrain.evaluation.Accuracy.compute_metrics',
        lambda self, results: dict(top1=next(scores)),
    )
    saving = dict(type='CheckpointHook', save_best=metric, rule='greater')
    run = runner(
        teacher=dict(frozen=True),
        default_hooks=dict(checkpoint=saving),
        custom_hooks=[dict(type=EXPORT, branches=True)],
        val_cfg=loop,
    )
    run.train()
    (best,) = tmp_path.glob('best_*_epoch_1.pth')
    saved = torch.load(best, weights_only=False)['state_dict']
    last, exported = (
        torch.load(tmp_path / f'{name}.pth', weights_only=True)['state_dict']
        for name in ('student', 'student_best')
    )
    key = 'head.fc.weight'
    assert torch.equal(exported[key], saved[f'streams.student.{key}'])
    assert torch.equal(last[key], run.model.state_dict()[f'streams.student.{key}'])
    assert not torch.equal(last[key], exported[key])
    assert (tmp_path / 'student_best.py').is_file()
    assert 'epoch 2, the last' in said[0] and said[0].endswith('student.pth')
    assert 'epoch 1, the best by student/accuracy/top1 0.5' in said[1]
    assert not list(tmp_path.glob('teacher*'))


def test_of_several_metrics_each_stream_has_its_own(runner, tmp_path):
    names = ['student/accuracy/top1', 'teacher/accuracy/top1']
    saving = dict(type='CheckpointHook', save_best=names, rule='greater')
    run = runner(
        default_hooks=dict(checkpoint=saving), custom_hooks=[dict(type=EXPORT)]
    )
    run.train()
    for name in ('student', 'teacher'):
        (best,) = tmp_path.glob(f'best_{name}_*.pth')
        saved = torch.load(best, weights_only=False)['state_dict']
        own = torch.load(tmp_path / f'{name}_best.pth', weights_only=True)
        for key, value in own['state_dict'].items():
            assert torch.equal(value, saved[f'streams.{name}.{key}'])
