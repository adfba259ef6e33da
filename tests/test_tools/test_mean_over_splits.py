# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Means over splits: which validation counts, what is averaged, what is refused."""

import json

import pytest


@pytest.fixture(scope='module')
def tool(import_tool):
    return import_tool('analysis_tools/mean_over_splits')


@pytest.fixture
def run(write_log):
    """Write the log of a run, with a validation in each epoch."""

    def write(name, values, timestamp='20260101_000000', **others):
        records = []
        for epoch, (student, teacher) in values.items():
            records.append(dict(epoch=epoch, iter=9, step=9 * epoch, loss=1.0, time=2))
            metrics = {'student/acc/top1': student, 'teacher/acc/top1': teacher}
            records.append(dict(metrics, **others, step=epoch, time=1.0, data_time=0.5))
        return write_log(name, records, timestamp)

    return write


@pytest.fixture
def runs(run):
    return [
        run('one', {1: (0.5, 0.9), 2: (0.4, 0.8)}),
        run('two', {1: (0.1, 0.2), 2: (0.7, 0.6)}),
        run('three', {1: (0.3, 0.1), 2: (0.1, 0.1)}),
    ]


def rows(text):
    lines = [line.strip('| ').split(' | ') for line in text.splitlines()]
    return {line[0].strip(): [cell.strip() for cell in line[1:]] for line in lines}


def test_the_last_validations_are_averaged(tool, runs, capsys):
    tool.main([*map(str, runs), '--digits', '2'])
    found = rows(capsys.readouterr().out)
    assert found['student/acc/top1'] == ['0.40', '0.70', '0.10', '0.40']
    assert found['teacher/acc/top1'] == ['0.80', '0.60', '0.10', '0.50']
    assert found['validation'][:3] == ['2', '2', '2']
    assert set(found) >= {'student/acc/top1', 'teacher/acc/top1'}
    assert not {'time', 'data_time', 'loss', 'step'} & set(found)


def test_the_best_validation_of_each_run(tool, runs, capsys):
    tool.main([*map(str, runs), '--best', 'student/acc/top1', '--digits', '2'])
    captured = capsys.readouterr()
    found = rows(captured.out)
    assert found['student/acc/top1'] == ['0.50', '0.70', '0.30', '0.50']
    # Those of the same validations, not the best of their own.
    assert found['teacher/acc/top1'] == ['0.90', '0.60', '0.10', '0.53']
    assert found['validation'][:3] == ['1', '2', '1']
    assert captured.err == ''


def test_a_resumed_run_is_read_as_one(tool, run):
    run('a', {1: (0.1, 0.1), 2: (0.2, 0.2)})
    folder = run('a', {2: (0.3, 0.3), 3: (0.4, 0.4)}, '20260102_000000')
    found = tool.validations(folder)
    assert {k: v['student/acc/top1'] for k, v in found.items()} == {
        1: 0.1,
        2: 0.3,
        3: 0.4,
    }


def test_metrics_of_a_test_stand_for_a_run(tool, runs, tmp_path, capsys):
    file = tmp_path / 'metrics.json'
    metrics = {'student/acc/top1': 0.5, 'teacher/acc/top1': 1.0}
    file.write_text(json.dumps({**metrics, 'teacher/acc/classes': [1.0, 1.0]}))
    tool.main([str(runs[0]), str(file), '--metrics', 'teacher/*'])
    found = rows(capsys.readouterr().out)
    assert found['teacher/acc/top1'] == ['0.8000', '1.0000', '0.9000']
    assert 'student/acc/top1' not in found


def test_an_unfinished_run_is_noticed(tool, runs, run, capsys):
    tool.main([str(runs[0]), str(run('four', {1: (0.0, 0.0)}))])
    assert 'is a run unfinished?' in capsys.readouterr().err


def test_metrics_that_one_run_lacks(tool, runs, run, capsys):
    other = run('fused', {2: (0.6, 0.8)}, **{'fused/acc/top1': 0.9})
    words = [str(runs[0]), str(other)]
    with pytest.raises(SystemExit, match='run 1 has no metric `fused/acc/top1`'):
        tool.main(words)
    tool.main([*words, '--metrics', 'student/*', 'teacher/*'])
    assert rows(capsys.readouterr().out)['student/acc/top1'][-1] == '0.5000'


@pytest.mark.parametrize(
    'options, message',
    [
        (['--best', 'acc/top1'], 'no metric `acc/top1`. It has: student/acc/top1, te'),
        (['--metrics', 'fused/*'], 'no metric fits --metrics. There are: student/'),
    ],
)
def test_unknown_metrics_list_the_known_ones(tool, runs, options, message):
    with pytest.raises(SystemExit, match=message.replace('*', r'\*')):
        tool.main([*map(str, runs), *options])


def test_what_is_no_run(tool, runs, tmp_path, run):
    with pytest.raises(SystemExit, match='holds no log'):
        tool.main([str(runs[0]), str(tmp_path)])
    with pytest.raises(SystemExit, match='was never validated'):
        tool.main([str(runs[0]), str(run('empty', {}))])
    (tmp_path / 'list.json').write_text('[1]')
    with pytest.raises(SystemExit, match='holds no metrics by name'):
        tool.main([str(runs[0]), str(tmp_path / 'list.json')])


@pytest.mark.parametrize(
    'words, message',
    [
        (['a'], 'two runs or more'),
        (['a', 'a'], 'given twice'),
        (['a', 'b', '--digits', '-1'], 'must not be negative'),
    ],
)
def test_wrong_options_are_refused(tool, words, message, capsys):
    with pytest.raises(SystemExit):
        tool.main(words)
    assert message in capsys.readouterr().err


def test_a_validation_that_is_not_finite_is_not_the_best(tool, run, capsys):
    nan = float('nan')
    values = {1: (nan, 0.9), 2: (0.2, 0.8), 3: (0.3, 0.7)}
    one, two = (str(run(name, values)) for name in ('one', 'two'))
    best = ('--best', 'student/acc/top1')
    tool.main([one, two, *best, '--digits', '2'])
    assert rows(capsys.readouterr().out)['student/acc/top1'] == ['0.30'] * 3
    three = run('three', {1: (nan, 0.9)})
    with pytest.raises(SystemExit, match='is not finite in any validation'):
        tool.main([one, str(three), *best])


def test_a_broken_file_is_named(tool, runs, tmp_path):
    (tmp_path / 'found.json').write_text('{"a": ')
    with pytest.raises(SystemExit, match='found.json: '):
        tool.main([str(runs[0]), str(tmp_path / 'found.json')])
