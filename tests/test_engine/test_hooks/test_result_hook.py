# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.hooks import CheckpointHook

from dynkd.compat.import_hooks import WATCHER
from dynkd.engine.hooks import ResultHook
from dynkd.engine.hooks.result_hook import _metric, _table, _test
from dynkd.utils import RandomState

RESULT = dict(type='dynkd.ResultHook')
EPOCH = dict(by_epoch=True, max_epochs=1)


@pytest.fixture
def said(monkeypatch):
    """What the hook prints."""
    lines = []
    monkeypatch.setattr(
        'dynkd.engine.hooks.result_hook.print_log',
        lambda text, logger=None, level=logging.INFO: lines.append(text),
    )
    return lines


def trained(runner, tmp_path, hook: ResultHook):
    """A run whose validations found .1, .4 and .3 of the student."""
    run = runner(teacher=dict(frozen=True), custom_hooks=[])
    run.hooks[:] = [own for own in run.hooks if not isinstance(own, ResultHook)]
    run.train()
    best = next(h for h in run.hooks if type(h).__name__ == 'CheckpointHook')
    best.key_indicators = ['student/accuracy/top1']
    for epoch, value in enumerate((0.1, 0.4, 0.3)):
        run.train_loop._epoch = epoch + 1
        metrics = {'student/accuracy/top1': value, 'teacher/accuracy/top1': 0.6}
        hook.after_val_epoch(run, metrics)
    hook.after_train(run)
    return run


def test_the_table_has_before_after_and_best(runner, tmp_path, said):
    run = trained(runner, tmp_path, ResultHook())
    # The student starts from scratch, and the teacher is frozen.
    student = next(line for line in said[0].splitlines() if 'student' in line)
    assert student.split() == ['student', '-', '0.3', '0.4', '(2)']
    teacher = next(line for line in said[0].splitlines() if 'teacher' in line)
    assert teacher.split() == ['teacher', '0.6', '0.6', '0.6', '(1)']
    assert (tmp_path / 'curves.png').read_bytes().startswith(b'\x89PNG')
    assert str(run.work_dir) in said[0]


@pytest.mark.parametrize('resumed', [False, True])
def test_what_was_logged_before_counts_only_if_it_is_resumed(
    runner, tmp_path, said, resumed
):
    """Another training of the work directory may have been longer."""
    runner().train()
    said.clear()
    (log,) = tmp_path.glob('*/vis_data/scalars.json')
    records = [{'student/accuracy/top1': 99.0, 'step': step} for step in (1, 2, 3)]
    log.write_text('\n'.join(map(json.dumps, records)))
    start = str(tmp_path / 'epoch_1.pth')
    runner(**(dict(resume=True, load_from=start) if resumed else {})).train()
    student = next(line for line in said[0].splitlines() if 'student' in line)
    assert float(student.split()[2]) < 99
    assert student.split()[3:] == ['99', '(1)'] or not resumed
    assert '99' not in student or resumed


def test_the_gain_over_the_student_alone(runner, tmp_path, said):
    alone = tmp_path / 'alone' / '1' / 'vis_data'
    alone.mkdir(parents=True)
    record = {'accuracy/top1': 0.25, 'step': 3}
    (alone / 'scalars.json').write_text(json.dumps(record) + '\n')
    trained(runner, tmp_path, ResultHook(baseline=str(tmp_path / 'alone')))
    assert 'gain over the student alone, at the end: +0.05' in said[0]


def test_a_trained_teacher_is_evaluated_before_it_learns(
    runner, classifier, tmp_path, said
):
    """By the weights that it begins with, without a trace in the run."""
    plain = runner(teacher=dict(frozen=True))
    weights = tmp_path / 'teacher.pth'
    torch.save(plain.model.stream('teacher').model.state_dict(), weights)
    alone = runner(teacher=dict(frozen=True, checkpoint=str(weights)))
    alone.val_loop.run()
    expected = alone.val_loop.evaluator._known['teacher']['accuracy/top1']

    run = runner(teacher=dict(checkpoint=str(weights)), train_cfg=EPOCH)
    before = RandomState.capture()
    hook = ResultHook()
    run.call_hook('before_run')
    run.hooks[:] = []
    hook.before_train(run)
    after = RandomState.capture()
    assert after.python == before.python and torch.equal(after.torch, before.torch)
    assert run.model.training
    name = 'teacher/accuracy/top1'
    assert run.message_hub.get_info('metrics_before') == {name: expected}
    assert said[-1] == 'Evaluating teacher before the first step.'


def test_without_a_best_the_first_metric_of_the_student_counts(runner, said):
    run = runner(teacher=dict(frozen=True), train_cfg=EPOCH)
    run.train()
    table = next(line for line in said if line.startswith('accuracy/top1'))
    # Of one validation there is no curve.
    assert 'Curves' not in table and not (Path(run.work_dir) / 'curves.png').exists()


def test_another_metric_of_the_baseline_does_not_end_the_run(runner, tmp_path, said):
    alone = tmp_path / 'alone' / '1' / 'vis_data'
    alone.mkdir(parents=True)
    (alone / 'scalars.json').write_text(json.dumps(dict(loss=1.0, step=3)) + '\n')
    trained(runner, tmp_path, ResultHook(baseline=str(tmp_path / 'alone')))
    assert said[0].startswith('baseline: the run logged no `accuracy/top1`')


def test_a_baseline_without_a_log_is_refused_when_built(tmp_path):
    with pytest.raises(FileNotFoundError, match='holds no log'):
        ResultHook(baseline=str(tmp_path))


def test_the_command_that_tests_the_student(runner, tmp_path, said, monkeypatch):
    export = dict(type='dynkd.ExportHook', streams=['student'])
    run = runner(teacher=dict(frozen=True), custom_hooks=[export, RESULT])
    monkeypatch.setattr(WATCHER, 'acted', [])
    run.train()
    command = next(line for line in said[-1].splitlines() if 'Test them' in line)
    python, script, config, weights = command.rpartition(': ')[2].split()
    assert python == 'python' and Path(script).is_file()
    assert Path(script).match('mmpretrain/.mim/tools/test.py')
    assert config == f'{run.work_dir}/student.py' and Path(config).is_file()
    assert weights == f'{run.work_dir}/student.pth' and Path(weights).is_file()


def test_the_command_without_the_librarys_script(monkeypatch):
    monkeypatch.setattr('dynkd.engine.hooks.result_hook.find_spec', lambda name: None)
    monkeypatch.setattr(WATCHER, 'acted', [])
    command = _test('mmaction', Path('a.py'), Path('a.pth'))
    assert command == 'mim test mmaction2 a.py --checkpoint a.pth'


def test_a_library_that_needs_repairs_is_tested_with_them(monkeypatch):
    monkeypatch.setattr(WATCHER, 'acted', ['torchvision: repaired'])
    command = _test('mmpretrain', Path('a.py'), Path('a.pth'))
    assert command == 'dynkd test a.py a.pth'


@pytest.mark.parametrize('rule, best', [('greater', '(1)'), ('less', '(3)')])
def test_the_best_follows_the_rule_and_is_a_number(rule, best):
    """A stream that predicts nothing in a validation has NaN there."""
    hook = CheckpointHook(save_best='student/error', rule=rule)
    hook.key_indicators = ['student/error']
    model = SimpleNamespace(all_streams=['student'])
    metric, best_of = _metric(SimpleNamespace(hooks=[hook]), model)
    assert metric == 'error'
    curve = {1: 0.4, 2: float('nan'), 3: 0.1}
    row = _table('error', {}, dict(student=curve), 'epoch', best_of, 'student')[-1]
    assert row.split()[-1] == best
    nothing = dict(student={1: float('nan')})
    lines = _table('error', {}, nothing, 'epoch', best_of, 'student')
    assert lines[-1].endswith('nan  (1)')


@pytest.mark.parametrize(
    ('names', 'rules', 'found'),
    [
        (['fused/acc'], ['greater'], ('acc', max)),
        (['student.branches.0/acc'], ['greater'], ('acc', max)),
        (['student/acc', 'student/error'], ['greater', 'less'], ('acc', max)),
        (['student/error', 'student/acc'], ['less', 'greater'], ('error', min)),
        (['acc'], ['greater'], ('acc', max)),
        (['auto'], [None], ('', max)),
    ],
)
def test_the_metric_of_the_best_checkpoint_and_its_own_rule(names, rules, found):
    hook = CheckpointHook()
    hook.key_indicators, hook.rules = names, rules
    model = SimpleNamespace(all_streams=['teacher', 'student'])
    assert _metric(SimpleNamespace(hooks=[hook]), model) == found


def test_a_student_of_another_name_has_a_gain():
    curves = {'pupil': {1: 0.5}, 'student alone': {1: 0.4}}
    lines = _table('acc', {}, curves, 'epoch', max, 'pupil')
    assert lines[-1].endswith('+0.1')
