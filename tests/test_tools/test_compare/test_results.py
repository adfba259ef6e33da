# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What comparisons keep of trainings: written by several, and found damaged."""

import json
import os
import shutil

import pytest

OUT = 'work_dirs/compare/mine'
RESULTS = f'{OUT}/results'


@pytest.fixture
def stored(compare, project, modules):
    """Collect the result of a training that is done; where it is kept."""
    compare()
    comparison = modules['spec'].read(project / 'mine.py')
    out = project / OUT
    first, *_ = modules['trainings'].trainings_of(comparison, project, out)
    store = modules['results'].ResultStore(project / RESULTS)
    return lambda: store.collect(first, comparison)


def test_two_commands_may_collect_the_same_at_a_time(stored, project, monkeypatch):
    replace = os.replace

    def overtaken(source, target):
        monkeypatch.setattr(os, 'replace', replace)
        stored()
        replace(source, target)

    before = sorted((project / RESULTS).iterdir())
    monkeypatch.setattr(os, 'replace', overtaken)
    assert stored().row == 'big one'
    assert sorted((project / RESULTS).iterdir()) == before


@pytest.mark.parametrize('garbled', [b'', b'1.5.2', b'\xff\xfe', b'nan'])
def test_times_that_cannot_be_read_are_none(compare, project, garbled):
    compare()
    result = project / RESULTS / 'alone_seed1.json'
    result.unlink()
    (project / OUT / 'alone_seed1/seconds').write_bytes(garbled)
    assert compare('--no-training') == 0
    assert json.loads(result.read_text())['minutes'] == 0


def test_a_training_goes_on_after_its_times_were_garbled(calls, compare, project):
    (project / 'fail').write_text('alone_seed1')
    assert compare('--only', 'alone') == 1
    seconds = project / OUT / 'alone_seed1/seconds'
    seconds.write_text('')
    (project / 'fail').unlink()
    assert compare() == 0
    assert [call[0] for call in calls(project)].count('alone_seed1') == 2
    assert float(seconds.read_text()) > 0
    assert not list(project.rglob('*.partial'))


def test_times_are_not_lost_where_writing_them_fails(modules, tmp_path, monkeypatch):
    modules['seconds'].add_seconds(tmp_path, 60)
    modules['seconds'].add_seconds(tmp_path, 30.5)
    monkeypatch.setattr(os, 'replace', lambda source, target: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        modules['seconds'].add_seconds(tmp_path, 7)
    assert modules['seconds'].seconds_of(tmp_path) == 90.5


@pytest.fixture(params=['half', 'empty', 'list', 'unknown', 'missing', 'curves'])
def damaged(request, compare, project):
    """The file of a result that cannot be read."""
    compare()
    file = project / RESULTS / 'alone_seed1.json'
    text = file.read_text()
    result = json.loads(text)
    texts = dict(
        half=text[: len(text) // 2],
        empty='',
        list='[1]',
        unknown=json.dumps(dict(result, loss=1)),
        missing=json.dumps(dict(row='alone')),
        curves=json.dumps(dict(result, curves={'top1': [1, 2, 3]})),
    )
    file.write_text(texts[request.param])
    return file


def test_a_damaged_result_is_collected_again(calls, compare, damaged, project, capsys):
    capsys.readouterr()
    assert compare() == 0
    said = capsys.readouterr().err
    assert said.startswith(f'Passed over: {damaged} holds no result that this')
    assert said.count('\n') == 1
    curves = json.loads(damaged.read_text())['curves']
    assert curves == {'top1': {'1': 6, '2': 10, '3': 8}}
    assert len(calls(project)) == 7  # nothing is trained for it
    assert compare() == 0
    assert not capsys.readouterr().err


@pytest.mark.parametrize('text', ['{"cpu": 0.', '5', '[1, 2]'])
def test_a_damaged_cost_of_a_step_does_not_keep_a_result(
    compare, project, capsys, text
):
    assert compare() == 0
    (project / RESULTS / 'alone_seed1.json').unlink()
    cost = project / OUT / 'alone_seed1' / 'step_cost.json'
    cost.write_text(text)
    capsys.readouterr()
    assert compare() == 0
    assert f'Passed over: {cost} holds no cost of a step' in capsys.readouterr().err
    result = json.loads((project / RESULTS / 'alone_seed1.json').read_text())
    assert result['step'] == {} and result['curves']


def test_without_its_run_a_damaged_result_is_trained_again(
    calls, compare, damaged, project, capsys
):
    shutil.rmtree(project / OUT / 'alone_seed1')
    capsys.readouterr()
    assert compare('--no-training') == 0
    assert capsys.readouterr().err.count(f'{damaged} holds no result') == 1
    assert compare() == 0
    assert [call[0] for call in calls(project)[7:]] == ['alone_seed1']


def test_a_metric_that_is_no_number_is_kept(stored, project, modules):
    for log in (project / OUT).glob('big_one_seed0/*/vis_data/scalars.json'):
        log.write_text('{"step": 3, "top1": NaN}')
    stored()
    file = project / RESULTS / 'big_one_seed0.json'
    assert modules['results'].Result(**json.loads(file.read_text())).minutes >= 0
