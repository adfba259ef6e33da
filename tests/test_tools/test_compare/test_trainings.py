# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Comparisons: what is trained, in which order, and what the table says."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

TOOLS = Path(__file__).resolve().parents[2] / 'tools'

#: A training that logs what its seed and its config say, and can be told to fail.
TRAIN = """
import json, pathlib, sys
options = dict(word.split('=', 1) for word in sys.argv if '=' in word)
folder = pathlib.Path(sys.argv[sys.argv.index('--work-dir') + 1])
config = pathlib.Path(sys.argv[1])
with open('calls', 'a') as calls:
    start = options.get('model.streams.teacher.checkpoint', '')
    calls.write(f'{folder.name} {start}\\n')
if pathlib.Path('fail').exists() and pathlib.Path('fail').read_text() in folder.name:
    sys.exit('out of memory')
seed = int(options['randomness.seed'])
names = {'plain.py': [''], 'pair.py': ['student/', 'teacher/']}[config.name]
log = folder / '20260101' / 'vis_data' / 'scalars.json'
log.parent.mkdir(parents=True, exist_ok=True)
gain = 2 if len(names) == 2 else 0
with log.open('w') as file:
    for epoch, value in ((1, 5 + seed), (2, 9 + seed), (3, 7 + seed + gain)):
        record = {f'{name}top1': value for name in names}
        file.write(json.dumps(dict(step=epoch, **record)) + '\\n')
cost = dict(steps=3, wall=0.25, cpu=0.125, parameters={names[0].strip('/'): 1500000})
(folder / 'step_cost.json').write_text(json.dumps(cost))
(folder / 'epoch_3.pth').touch()
(folder / 'last_checkpoint').write_text(str(folder / 'epoch_3.pth'))
print('Epoch(train)  [3][10/10]  lr: 0.1')
"""
SCHEDULE = """
randomness = dict(seed=0)
train_cfg = dict(max_epochs=30, val_interval=10)
param_scheduler = [dict(type='MultiStepLR', milestones=[10, 20])]
"""
PAIR = (
    """
model = dict(
    streams=dict(student=dict(), teacher=dict(checkpoint='elsewhere.pth')),
    phases=[dict(name='a', begin=0), dict(name='b', begin=15)],
)
"""
    + SCHEDULE
)
FILE = """
metrics = ['top1']
seeds = [0, 1, 2]
epochs = 3
baseline = 'alone'
rows = [
    dict(name='big one', config='plain.py', once=True),
    dict(name='alone', config='plain.py'),
    dict(name='KD', config='pair.py', starts=dict(teacher='big one'),
         streams=['student', 'teacher'], against=dict(teacher='big one')),
]
"""


@pytest.fixture(scope='module')
def modules():
    """The tool and its parts, as they import one another; afterwards forgotten."""
    before = set(sys.modules)
    sys.path.insert(0, str(TOOLS))
    names = ('spec', 'trainings', 'pool', 'progress', 'report', 'intervals', 'results')
    found = {name: importlib.import_module(f'comparison.{name}') for name in names}
    found |= {name: importlib.import_module(name) for name in ('compare', 'launch')}
    yield found
    sys.path.remove(str(TOOLS))
    for name in set(sys.modules) - before:
        if str(TOOLS) in str(getattr(sys.modules[name], '__file__', '')):
            del sys.modules[name]


@pytest.fixture
def project(tmp_path, monkeypatch, modules):
    """A project with a comparison, whose trainings take no time."""
    for module in (modules['launch'], modules['pool'], modules['compare']):
        monkeypatch.setattr(module, 'ROOT', tmp_path)
    monkeypatch.setattr(modules['pool'], 'LOOK_EVERY', 0.01)
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools' / 'train.py').write_text(TRAIN)
    (tmp_path / 'plain.py').write_text('model = dict()\n' + SCHEDULE)
    (tmp_path / 'pair.py').write_text(PAIR)
    (tmp_path / 'mine.py').write_text(FILE)
    return tmp_path


@pytest.fixture
def compare(project, modules):
    """Run the tool; the exit status."""

    def call(*words):
        return modules['compare'].main([str(project / 'mine.py'), *words])

    return call


def calls(project):
    path = project / 'calls'
    return (
        [line.split() for line in path.read_text().splitlines()]
        if path.exists()
        else []
    )


def table(project):
    return (project / 'work_dirs/compare/mine/mine.md').read_text()


def row_of(project, name, stream):
    for line in table(project).splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if cells[:2] == [name, stream]:
            return cells
    raise AssertionError(f'no line of {name}, {stream}')


def test_all_is_trained_once_and_the_table_has_it(compare, project):
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


def test_streams_start_from_the_row_they_name(compare, project):
    compare()
    start = project / 'work_dirs/compare/mine/big_one_seed0/epoch_3.pth'
    starts = {call[0]: call[1:] for call in calls(project)}
    assert starts['KD_seed2'] == [str(start)]
    assert starts['alone_seed2'] == []


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
    start = str(first.work_dir / 'weights.pth')
    (first.work_dir / 'last_checkpoint').write_text(start)
    assert on.all_options()[-2:] == [
        'model.init_cfg.type=Pretrained',
        f'model.init_cfg.checkpoint={start}',
    ]


def test_results_are_enough_without_the_runs(compare, project):
    import shutil

    compare('--results', str(project / 'kept'))
    shutil.rmtree(project / 'work_dirs')
    assert compare('--results', str(project / 'kept')) == 0
    assert len(calls(project)) == 7
    # One of the distillations is missing: so is the checkpoint that it starts from.
    (project / 'kept' / 'KD_seed1.json').unlink()
    assert compare('--results', str(project / 'kept')) == 0
    assert [call[0] for call in calls(project)[7:]] == ['big_one_seed0', 'KD_seed1']


def test_a_failure_leaves_the_others_running_and_is_continued(compare, project, capsys):
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


def test_a_part_is_shown_as_such(compare, project):
    assert compare('--only', 'KD', '--seeds', '0') == 0
    assert [call[0] for call in calls(project)] == ['big_one_seed0', 'KD_seed0']
    assert compare('--no-training') == 0
    assert row_of(project, 'KD', 'student')[2] == '1 of 3'
    assert len(calls(project)) == 2


def test_changed_configs_are_trained_again(compare, project):
    compare()
    text = (project / 'pair.py').read_text()
    (project / 'pair.py').write_text(text + '_helper = 1\nhelper = 2\n')
    compare()
    assert len(calls(project)) == 7
    (project / 'pair.py').write_text(text + 'optim_wrapper = dict(lr=3)\n')
    compare('--keep')
    assert len(calls(project)) == 7
    compare()
    assert len(calls(project)) == 10


def test_what_starts_from_something_else_is_trained_again(compare, project):
    compare()
    text = (project / 'mine.py').read_text()
    (project / 'mine.py').write_text(
        text.replace('once=True', "once=True, options=['train_cfg.x=1']")
    )
    compare()
    assert len(calls(project)) == 7 + 4


def test_jobs_for_slurm(compare, project):
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


def test_a_job_trains_one(compare, project, capsys):
    assert compare('--training', 'big one', '0') == 0
    assert '0 of 1 done' in capsys.readouterr().out
    assert compare('--training', 'KD', '2') == 0
    assert '1 of 2 done' in capsys.readouterr().out
    assert [call[0] for call in calls(project)] == ['big_one_seed0', 'KD_seed2']
    # A job whose start is not there says so.
    other = project / 'other'
    assert compare('--training', 'KD', '2', '--out', str(other)) == 2


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (("baseline = 'alone'", "baseline = 'lone'"), "'lone', which is not there"),
        (("name='KD'", "name='alone'"), 'alone is there twice'),
        (('metrics', 'metric'), 'there is no field `metric`'),
        (("starts=dict(teacher='big one')", "starts=dict(teacher='KD')"), "row 'KD'"),
        (("config='pair.py'", "config='pear.py'"), 'there is no config'),
        (('once=True', 'one=True'), 'there is no field `one`'),
        (('seeds = [0, 1, 2]', 'seeds = [0, 0]'), '0 is there twice'),
        (("metrics = ['top1']", 'metrics = []'), '`metrics` is missing'),
        (('seeds = [0, 1, 2]', "data = 'data/none'"), 'There is no data/none'),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(
    compare, project, capsys, change, message
):
    file = project / 'mine.py'
    assert change[0] in file.read_text()
    file.write_text(file.read_text().replace(*change))
    assert compare() == 2
    assert message in capsys.readouterr().err
    assert calls(project) == []


def test_length_is_scaled_with_the_drops_and_the_phases(modules, project):
    cfg = Config.fromfile(project / 'pair.py')
    options = modules['trainings'].length_options(cfg, 12)
    assert options == [
        'train_cfg.max_epochs=12',
        'train_cfg.val_interval=10',
        'param_scheduler.0.milestones=[4,8]',
        'model.phases.1.begin=6',
    ]
    assert modules['trainings'].length_options(cfg, None) == []


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


def test_results_are_small_and_readable(compare, project):
    compare()
    file = project / 'work_dirs/compare/mine/results/KD_seed1.json'
    result = json.loads(file.read_text())
    assert result['curves']['student/top1'] == {'1': 6, '2': 10, '3': 10}
    assert file.stat().st_size < 2000


def test_the_comparison_of_the_docs_is_one(modules, tmp_path):
    root = TOOLS.parent
    page = (root / 'docs' / 'compare.md').read_text(encoding='utf-8')
    code = page.split('<!-- comparison: is read -->\n```python\n')[1].split('```')[0]
    (tmp_path / 'mine.py').write_text(code)
    comparison = modules['spec'].read(tmp_path / 'mine.py')
    trainings = modules['trainings'].trainings_of(comparison, root, tmp_path)
    assert len(trainings) == 10
    assert {training.epochs for training in trainings} == {30}


def test_the_project_s_comparisons_are_some(modules, tmp_path):
    root = TOOLS.parent
    files = sorted((root / 'benchmarks' / 'comparisons').glob('*.py'))
    assert files
    for file in files:
        comparison = modules['spec'].read(file)
        for row in comparison.rows:
            assert (root / row.config).is_file()
            modules['results'].streams_of(row, root / row.config)


def test_a_failed_option_is_named(compare, project, capsys):
    file = project / 'mine.py'
    file.write_text(file.read_text() + "options = ['lr']")
    assert compare() == 2
    assert "unlike 'lr'" in capsys.readouterr().err
