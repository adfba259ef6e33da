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
        (("config='pair.py'", "config='pear.py'"), 'there is no config'),
        (('once=True', 'one=True'), 'there is no field `one`'),
        (('once=True', 'trained=False'), "'big one', which is not there"),
        (('seeds = [0, 1, 2]', 'seeds = [0, 0]'), '0 is there twice'),
        (("metrics = ['top1']", 'metrics = []'), '`metrics` is missing'),
        (("['top1']", "'top1'"), "`metrics` has to be a list, and is 'top1'"),
        (('[0, 1, 2]', '3'), '`seeds` has to be a list, and is 3'),
        (("name='KD'", 'name=1'), 'row 2: `name` has to be a string, and is 1'),
        (("dict(teacher='big one'),", "dict(pupil='big one'),"), "stream 'pupil'"),
        (("['student', 't", "['studnt', 't"), "`streams` names the stream 'studnt'"),
        (('against=dict(teacher', 'against=dict(fusd'), "names the stream 'fusd'"),
        (('once=True', "once=True, options=['param_scheduler.5.x=1']"), 'big one: '),
        (('seeds = [', 'seeds = '), 'mine.py: '),
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


@pytest.mark.parametrize('kind', ['yaml', 'toml'])
def test_files_that_are_none_are_refused(modules, tmp_path, capsys, kind):
    (tmp_path / f'mine.{kind}').write_text('rows: [')
    assert modules['compare'].main([str(tmp_path / f'mine.{kind}')]) == 2
    assert f'mine.{kind}: ' in capsys.readouterr().err


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
