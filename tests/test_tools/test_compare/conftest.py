# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A project with a comparison whose trainings take no time."""

import importlib

import pytest

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

#: A validation of what streams start as.
VALIDATE = """
import json, pathlib, sys
folder = pathlib.Path(sys.argv[sys.argv.index('--work-dir') + 1])
assert '--resume' not in sys.argv
with open('calls', 'a') as calls:
    starts = [word for word in sys.argv if '.checkpoint=' in word]
    calls.write(' '.join([folder.name, *starts]) + '\\n')
log = folder / '20260101' / 'vis_data' / 'scalars.json'
log.parent.mkdir(parents=True)
log.write_text(json.dumps({'step': 0, 'fused/top1': 8.5}))
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
def modules(import_tool):
    """The tool and its parts."""
    found = {name: import_tool(name) for name in ('compare', 'launch')}
    names = 'spec trainings length pool progress intervals results seconds'.split()
    found |= {name: importlib.import_module(f'comparison.{name}') for name in names}
    return found


@pytest.fixture
def project(tmp_path, monkeypatch, modules):
    """A project with a comparison, whose trainings take no time."""
    monkeypatch.setattr(modules['launch'], 'ROOT', tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(modules['pool'], 'LOOK_EVERY', 0.01)
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools' / 'train.py').write_text(TRAIN)
    (tmp_path / 'tools' / 'validate.py').write_text(VALIDATE)
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


@pytest.fixture(scope='session')
def calls():
    """Read which trainings were run in a project, and what each started from."""

    def calls(project):
        path = project / 'calls'
        return (
            [line.split() for line in path.read_text().splitlines()]
            if path.exists()
            else []
        )

    return calls


@pytest.fixture(scope='session')
def row_of():
    """Find the cells of a row of the table of a project."""

    def row_of(project, name, stream):
        text = (project / 'work_dirs/compare/mine/mine.md').read_text()
        for line in text.splitlines():
            cells = [cell.strip() for cell in line.strip('|').split('|')]
            if cells[:2] == [name, stream]:
                return cells
        raise AssertionError(f'no line of {name}, {stream}')

    return row_of
