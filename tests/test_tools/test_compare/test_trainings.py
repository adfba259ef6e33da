# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Comparisons: what is trained, in which order, and what the table says."""

import json
import shutil
import subprocess


def test_all_is_trained_once_and_the_table_has_it(calls, row_of, compare, project):
    assert compare('--jobs', '2') == 0
    names = [call[0] for call in calls(project)]
    assert sorted(names) == sorted(
        [
            'big_one_seed0',
            *(f'{row}_seed{i}' for row in ('alone', 'KD') for i in range(3)),
        ]
    )
    # Last epoch, difference with interval, best epoch, step and parameters.
    kd = row_of(project, 'KD', 'student')
    assert kd[2:6] == [
        '3',
        '10.000 ± 1.000',
        '**+2.000 (+2.000 to +2.000)**',
        '10.000 ± 1.000',
    ]
    assert kd[6:] == ['250', '125', '1.50']
    assert (
        row_of(project, 'KD', 'teacher')[4] == '**+3.000 (+0.516 to +5.484)** [big one]'
    )
    assert row_of(project, 'alone', '-')[3:6] == ['8.000 ± 1.000', '', '10.000 ± 1.000']
    assert row_of(project, 'big one', '-')[2:6] == ['1', '7.000', '', '9.000']
    assert compare() == 0
    assert len(calls(project)) == 7


def test_figure_and_csv(compare, project):
    compare()
    out = project / 'work_dirs/compare/mine'
    assert (out / 'mine.png').stat().st_size > 1000
    lines = (out / 'mine.csv').read_text().splitlines()
    assert len(lines) == 1 + 1 + 3 + 3 * 2
    assert lines[1].startswith('big one,,0,top1,7,9,2,3,0.25,0.125,1500000,')


def test_streams_start_from_the_row_they_name(calls, compare, project):
    compare()
    start = 'work_dirs/compare/mine/big_one_seed0/epoch_3.pth'
    starts = {call[0]: call[1:] for call in calls(project)}
    assert starts['KD_seed2'] == [start]
    assert starts['alone_seed2'] == []


def test_results_are_enough_without_the_runs(calls, compare, project):
    compare('--results', str(project / 'kept'))
    shutil.rmtree(project / 'work_dirs')
    assert compare('--results', str(project / 'kept')) == 0
    assert len(calls(project)) == 7
    # One of the distillations is missing: so is the checkpoint that it starts from.
    (project / 'kept' / 'KD_seed1.json').unlink()
    assert compare('--results', str(project / 'kept')) == 0
    assert [call[0] for call in calls(project)[7:]] == ['big_one_seed0', 'KD_seed1']


def test_a_failure_leaves_the_others_running_and_is_continued(
    calls, row_of, compare, project, capsys
):
    (project / 'fail').write_text('big')
    assert compare('--jobs', '2') == 1
    assert len(calls(project)) == 4
    said = capsys.readouterr()
    assert 'out of memory' in said.out
    assert 'KD, seed 2: it starts from "big one, seed 0", which failed' in said.err
    assert row_of(project, 'alone', '-')[2] == '3'
    (project / 'fail').unlink()
    assert compare('--jobs', '2') == 0
    assert len(calls(project)) == 8


def test_a_part_is_shown_as_such(calls, row_of, compare, project):
    assert compare('--only', 'KD', '--seeds', '0') == 0
    assert [call[0] for call in calls(project)] == ['big_one_seed0', 'KD_seed0']
    assert compare('--no-training') == 0
    assert row_of(project, 'KD', 'student')[2] == '1 of 3'
    assert len(calls(project)) == 2


def test_a_row_can_be_compared_with_nothing(row_of, compare, project):
    file = project / 'mine.py'
    before = "against=dict(teacher='big one')"
    assert before in file.read_text()
    file.write_text(file.read_text().replace(before, 'against=dict(student=None)'))
    assert compare('--jobs', '2') == 0
    assert row_of(project, 'KD', 'student')[3:5] == ['10.000 ± 1.000', '']


def test_a_row_that_is_not_trained_is_validated(calls, row_of, compare, project):
    file = project / 'mine.py'
    row = """
    dict(name='two', config='pair.py', streams=['fused'], trained=False,
         starts=dict(teacher='big one', student='alone'),
         against=dict(fused='alone')),
]"""
    file.write_text(file.read_text().rstrip().removesuffix(']') + row)
    assert compare('--jobs', '2') == 0
    runs = 'work_dirs/compare/mine'
    out = project / runs
    starts = {name: own for name, *own in calls(project) if 'two' in name}
    assert starts == {
        f'two_seed{seed}': [
            f'model.streams.teacher.checkpoint={runs}/big_one_seed0/epoch_3.pth',
            f'model.streams.student.checkpoint={runs}/alone_seed{seed}/epoch_3.pth',
        ]
        for seed in range(3)
    }
    line = row_of(project, 'two', 'fused')
    assert line[2:5] == ['3', '8.500 ± 0.000', '+0.500 (-1.984 to +2.984)']
    assert (out / 'mine.png').stat().st_size > 1000
    before = len(calls(project))
    assert compare() == 0
    assert len(calls(project)) == before


def test_changed_configs_are_trained_again(calls, compare, project):
    compare()
    text = (project / 'pair.py').read_text()
    (project / 'pair.py').write_text(text + '_helper = 1\nhelper = 2\n')
    compare()
    assert len(calls(project)) == 7
    (project / 'pair.py').write_text(text + 'optim_wrapper = dict(lr=3)\n')
    old = project / 'work_dirs/compare/mine/KD_seed1/old'
    old.touch()
    compare('--keep')
    assert len(calls(project)) == 7 and old.exists()
    compare()
    assert len(calls(project)) == 10 and not old.exists()


def test_what_starts_from_something_else_is_trained_again(calls, compare, project):
    compare()
    text = (project / 'mine.py').read_text()
    (project / 'mine.py').write_text(
        text.replace('once=True', "once=True, options=['train_cfg.x=1']")
    )
    compare()
    assert len(calls(project)) == 7 + 4


def test_jobs_for_slurm(calls, compare, project):
    options = ('--sbatch=--time=1:00:00', '--sbatch=--mem=4G')
    assert compare('--launcher', 'slurm', *options) == 0
    assert calls(project) == []
    folder = project / 'work_dirs/compare/mine/slurm'
    submit = (folder / 'submit.sh').read_text()
    assert subprocess.run(['bash', '-n', str(folder / 'submit.sh')]).returncode == 0
    assert submit.count('sbatch') == 7
    assert 'dependency=afterok:$job_0 ' in submit
    assert submit.count('dependency') == 3
    job = (folder / 'KD_seed2.sh').read_text()
    assert '#SBATCH --time=1:00:00\n#SBATCH --mem=4G\n' in job
    assert job.rstrip().endswith('--training KD 2')


def test_a_job_trains_one(calls, compare, project, capsys):
    assert compare('--training', 'big one', '0') == 0
    assert '0 of 1 done' in capsys.readouterr().out
    assert compare('--training', 'KD', '2') == 0
    assert '1 of 2 done' in capsys.readouterr().out
    assert [call[0] for call in calls(project)] == ['big_one_seed0', 'KD_seed2']
    # A job whose start is not there says so.
    other = project / 'other'
    assert compare('--training', 'KD', '2', '--out', str(other)) == 1
    assert '"big one, seed 0", whose last checkpoint is not' in capsys.readouterr().err


def test_results_are_small_and_readable(compare, project):
    compare()
    file = project / 'work_dirs/compare/mine/results/KD_seed1.json'
    result = json.loads(file.read_text())
    assert result['curves']['student/top1'] == {'1': 6, '2': 10, '3': 10}
    assert file.stat().st_size < 2000


def test_a_project_of_ones_own(calls, compare, project, tmp_path_factory, monkeypatch):
    """Paths are relative to where the command is run, as in a training."""
    own = tmp_path_factory.mktemp('own')
    for name in ('plain.py', 'pair.py', 'mine.py'):
        (project / name).rename(own / name)
    (own / 'data').mkdir()
    file = own / 'mine.py'
    file.write_text("data = 'data'\n" + file.read_text())
    file.rename(project / 'mine.py')  # the comparison itself may lie anywhere
    monkeypatch.chdir(own)
    assert compare() == 0
    assert len(calls(own)) == 7 and not calls(project)
    assert (own / 'work_dirs/compare/mine/mine.md').is_file()
    assert calls(own)[-1][1] == 'work_dirs/compare/mine/big_one_seed0/epoch_3.pth'
