# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The files of comparisons, and what is wrong in them."""

from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (("baseline = 'alone'", "baseline = 'lone'"), "'lone', which is not there"),
        (("name='KD'", "name='alone'"), 'alone is there twice'),
        (('metrics', 'metric'), 'there is no field `metric`'),
        (("starts=dict(teacher='big one')", "starts=dict(teacher='KD')"), "row 'KD'"),
        (("config='pair.py'", "config='pear.py'"), 'KD: there is no file'),
        (('once=True', 'one=True'), 'there is no field `one`'),
        (('once=True', 'trained=False'), "'big one', which is not there"),
        (('seeds = [0, 1, 2]', 'seeds = [0, 0]'), '0 is there twice'),
        (("metrics = ['top1']", 'metrics = []'), 'needs at least a row, a metric'),
        (("['top1']", "'top1'"), "mine.py: `metrics` must be a list, got 'top1'"),
        (('[0, 1, 2]', '3'), 'mine.py: `seeds` must be a list, got 3'),
        (("name='KD'", 'name=1'), 'row 2: `name` must be a string, got 1'),
        (("dict(teacher='big one'),", "dict(pupil='big one'),"), "stream 'pupil'"),
        (("['student', 't", "['studnt', 't"), "`streams` names the stream 'studnt'"),
        (('against=dict(teacher', 'against=dict(fusd'), "names the stream 'fusd'"),
        (('once=True', "once=True, options=['param_scheduler.5.x=1']"), 'big one: '),
        (('seeds = [', 'seeds = '), 'mine.py cannot be read: SyntaxError'),
        (('seeds = [0, 1, 2]', "data = 'data/none'"), 'data/none, which mine needs'),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(
    calls, compare, project, capsys, change, message
):
    file = project / 'mine.py'
    assert change[0] in file.read_text()
    file.write_text(file.read_text().replace(*change))
    assert compare() == 2
    assert message in capsys.readouterr().err
    assert calls(project) == []


@pytest.mark.parametrize(
    ('field', 'message'),
    [
        ("metrics=['top1', '']", "`metrics[1]` must not be empty, got ''"),
        ("seeds=['a']", "`seeds[0]` must be an integer, got 'a'"),
        ('seeds=[0, -5]', '`seeds[1]` must not be negative, got -5'),
        ('seeds=None', '`seeds` must be a list, got None'),
        ('once_seed=-1', '`once_seed` must not be negative, got -1'),
        ('epochs=0', '`epochs` must be at least 1, got 0'),
        ('epochs=1.5', '`epochs` must be an integer, got 1.5'),
        ('baseline=5', '`baseline` must be a string, got 5'),
        ('data=5', '`data` must be a string, got 5'),
        ("options='lr=1'", "`options` must be a list, got 'lr=1'"),
        ("lower_is_better='no'", "`lower_is_better` must be True or False, got 'no'"),
        ('rows=5', '`rows` must be a list, got 5'),
        ("rows=['KD']", "`rows[0]` must be a dict, got 'KD'"),
    ],
)
def test_fields_of_the_file_have_their_types(compare, project, capsys, field, message):
    with (project / 'mine.py').open('a') as file:
        file.write(field)
    assert compare() == 2
    assert f'mine.py: {message}.' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('field', 'message'),
    [
        ("name=''", "`name` must not be empty, got ''"),
        ('config=1', '`config` must be a string, got 1'),
        ("streams='student'", "`streams` must be a list, got 'student'"),
        ("starts='big one'", "`starts` must be a dict, got 'big one'"),
        ("starts={'teacher': 1}", '`starts.teacher` must be a string, got 1'),
        ("starts={1: 'big one'}", '`keys of starts[0]` must be a string, got 1'),
        ("against='alone'", "`against` must be a dict, got 'alone'"),
        ("once='no'", "`once` must be True or False, got 'no'"),
        ("trained='no'", "`trained` must be True or False, got 'no'"),
        ('epochs=0', '`epochs` must be at least 1, got 0'),
        ('epochs=-1', '`epochs` must be at least 1, got -1'),
        ('epochs=True', '`epochs` must be an integer, got True'),
        ('options=[5]', '`options[0]` must be a string, got 5'),
    ],
)
def test_fields_of_rows_have_their_types(compare, project, capsys, field, message):
    with (project / 'mine.py').open('a') as file:
        file.write(
            f"rows.append({{'name': 'new', 'config': 'plain.py', **dict({field})}}"
        )
        file.write(')')
    assert compare() == 2
    said = capsys.readouterr().err
    name = '' if field.startswith('name') else 'new'
    assert f'mine.py, row 3 ({name}): {message}.' in said


@pytest.mark.parametrize(
    ('name', 'text', 'message'),
    [
        ('list.json', '[1]', 'it has to be a dictionary, with names as keys'),
        ('empty.yaml', '', 'it has to be a dictionary, with names as keys'),
        ('number.yaml', '1: 2', 'it has to be a dictionary, with names as keys'),
        ('half.json', '{', 'JSONDecodeError: Expecting property name'),
        ('name.py', 'rows = other', "NameError: name 'other' is not defined"),
        ('base.py', "_base_ = 'none.py'", 'FileNotFoundError: '),
    ],
)
def test_files_that_cannot_be_read_are_named(
    modules, tmp_path, capsys, name, text, message
):
    (tmp_path / name).write_text(text)
    assert modules['compare'].main([str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f'compare: {tmp_path / name} cannot be read: {message}')


def test_keys_of_rows_are_names(modules, tmp_path, capsys):
    (tmp_path / 'mine.yaml').write_text('metrics: [a]\nrows: [{1: 2, x: 3}]')
    assert modules['compare'].main([str(tmp_path / 'mine.yaml')]) == 2
    assert 'row 0: there is no field `1`, `x`' in capsys.readouterr().err


def test_the_row_of_a_config_that_cannot_be_read_is_named(compare, project, capsys):
    (project / 'pair.py').write_text('model = dict(')
    assert compare() == 2
    said = capsys.readouterr().err
    assert said.startswith(f'compare: KD: {project / "pair.py"} cannot be read: Syntax')


def test_a_file_that_is_not_there_is_named(modules, tmp_path, capsys):
    assert modules['compare'].main([str(tmp_path / 'none.py')]) == 2
    assert f'there is no file {tmp_path / "none.py"}' in capsys.readouterr().err


def test_the_comparison_of_the_docs_is_one(modules, tmp_path):
    root = ROOT
    page = (root / 'docs' / 'compare.md').read_text(encoding='utf-8')
    code = page.split('<!-- comparison: is read -->\n```python\n')[1].split('```')[0]
    (tmp_path / 'mine.py').write_text(code)
    comparison = modules['spec'].read(tmp_path / 'mine.py')
    trainings = modules['trainings'].trainings_of(comparison, root, tmp_path)
    assert len(trainings) == 10
    assert {training.epochs for training in trainings} == {30}


def test_the_project_s_comparisons_are_some(modules, tmp_path):
    root = ROOT
    files = sorted((root / 'benchmarks' / 'comparisons').glob('*.py'))
    assert files
    for file in files:
        comparison = modules['spec'].read(file)
        for row in comparison.rows:
            assert (root / row.config).is_file()
        one = replace(comparison, seeds=comparison.seeds[:1])
        assert modules['trainings'].trainings_of(one, root, tmp_path)


def test_each_method_on_the_digits_is_a_row(modules):
    files = (ROOT / 'benchmarks' / 'comparisons').glob('digits_kd*.py')
    rows = [row.config for file in files for row in modules['spec'].read(file).rows]
    configs = (ROOT / 'configs' / 'kd').glob('*digits.py')
    assert {f'configs/kd/{file.name}' for file in configs} <= set(rows)


def test_what_counts_iterations_is_refused(compare, project, capsys):
    text = (project / 'plain.py').read_text()
    (project / 'plain.py').write_text(text.replace('max_epochs', 'max_iters'))
    assert compare() == 2
    assert 'big one: a comparison counts epochs' in capsys.readouterr().err


def test_a_part_of_a_config_is_refused(compare, project, capsys):
    (project / 'plain.py').write_text('train_cfg = dict(max_epochs=3)\n')
    assert compare() == 2
    assert 'big one: plain.py has no `model`' in capsys.readouterr().err


@pytest.mark.parametrize('kind', ['yaml', 'toml'])
def test_files_that_are_none_are_refused(modules, tmp_path, capsys, kind):
    (tmp_path / f'mine.{kind}').write_text('rows: [')
    assert modules['compare'].main([str(tmp_path / f'mine.{kind}')]) == 2
    assert f'mine.{kind} cannot be read: ' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (('--only', 'KDD'), "the row 'KDD', which is not there"),
        (('--training', 'KDD', '0'), "the row 'KDD', which is not there"),
        (('--training', 'KD', '9'), "seeds of 'KD' are 0, 1, 2, not 9"),
        (('--training', 'big one', '1'), "seeds of 'big one' are 0, not 1"),
        (('--out', 'my runs'), 'Choose another one'),
        (('--jobs', '0'), "'0' is not a number from 1 on"),
        (('--epochs', '0'), "'0' is not a number from 1 on"),
        (('--seeds', '0', '-5'), "'-5' is not a number from 0 on"),
    ],
)
def test_options_that_name_nothing(calls, compare, project, capsys, words, message):
    try:
        status = compare(*words)
    except SystemExit as end:
        status = end.code
    assert status == 2
    assert message in capsys.readouterr().err
    assert calls(project) == []


def test_the_project_s_own_comparisons_end_likewise(modules, import_tool, capsys):
    accuracy = import_tool('../benchmarks/accuracy')
    assert accuracy.main(['bccd', '--only', 'none']) == 2
    assert capsys.readouterr().err.startswith('accuracy: bccd: `row` names the row')
    with pytest.raises(SystemExit, match='2'):
        accuracy.main(['none'])


def test_a_failed_option_is_named(compare, project, capsys):
    file = project / 'mine.py'
    file.write_text(file.read_text() + "options = ['lr']")
    assert compare() == 2
    assert "unlike 'lr'" in capsys.readouterr().err


def test_a_plain_model_starts_from_a_row(modules, project):
    text = (project / 'mine.py').read_text()
    (project / 'mine.py').write_text(
        text + "rows.append(dict(name='on', config='plain.py', starts={'': 'big one'}))"
    )
    comparison = modules['spec'].read(project / 'mine.py')
    first, *_, on = modules['trainings'].trainings_of(comparison, project, project)
    with pytest.raises(FileNotFoundError, match='on, seed 2: it starts from "big one,'):
        on.all_options()
    first.work_dir.mkdir()
    (first.work_dir / 'weights.pth').touch()
    # It was written elsewhere, and has been moved.
    (first.work_dir / 'last_checkpoint').write_text('/elsewhere/weights.pth')
    start = f'{first.work_dir.name}/weights.pth'
    assert on.all_options()[-2:] == [
        'model.init_cfg.type=Pretrained',
        f'model.init_cfg.checkpoint={start}',
    ]
