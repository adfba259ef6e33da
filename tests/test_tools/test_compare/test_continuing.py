# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Comparisons that go on after something went wrong, with the right trainings."""

import fcntl
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[3] / 'tools'
OUT = 'work_dirs/compare/mine'


def change(project, file, before, after):
    text = (project / file).read_text()
    assert before in text
    (project / file).write_text(text.replace(before, after))


def test_a_metric_that_was_not_logged(calls, compare, project, capsys):
    change(project, 'mine.py', "metrics = ['top1']", "metrics = ['top2']")
    for _ in range(2):  # no training is repeated for it
        assert compare('--jobs', '2') == 1
        said = capsys.readouterr()
        assert 'big one, seed 0: there is no `top2`' in said.err
        assert 'The run logged: step, top1.' in said.err
        assert 'Traceback' not in said.err
    names = [call[0] for call in calls(project)]
    assert len(set(names)) == len(names) == 7
    change(project, 'mine.py', "metrics = ['top2']", "metrics = ['top1']")
    assert compare() == 0
    assert len(calls(project)) == 7


def test_a_metric_that_comes_in_later_is_read_off_the_logs(calls, compare, project):
    compare()
    for log in (project / OUT).glob('*/*/vis_data/scalars.json'):
        records = [json.loads(line) for line in log.read_text().splitlines()]
        for record in records:
            record.update({k.replace('top1', 'top5'): v for k, v in record.items()})
        log.write_text('\n'.join(map(json.dumps, records)))
    change(project, 'mine.py', "['top1']", "['top1', 'top5']")
    assert compare('--no-training') == 0
    result = json.loads((project / OUT / 'results/KD_seed0.json').read_text())
    assert {'student/top1', 'student/top5'} <= set(result['curves'])
    assert len(calls(project)) == 7


def test_other_seeds_leave_what_is_trained_once(calls, compare, project):
    compare()
    assert compare('--seeds', '2', '3') == 0
    assert [call[0] for call in calls(project)[7:]] == ['alone_seed3', 'KD_seed3']
    assert compare() == 0
    assert len(calls(project)) == 9


def test_a_length_for_all_is_one_for_rows_with_their_own(modules, compare, project):
    change(project, 'mine.py', "name='alone',", "name='alone', epochs=100,")
    compare('--epochs', '5')
    result = json.loads((project / OUT / 'results/alone_seed0.json').read_text())
    assert result['epochs'] == 5


def test_a_lost_checkpoint_is_trained_again(calls, compare, project):
    compare()
    big = project / OUT / 'big_one_seed0'
    (big / 'epoch_3.pth').unlink()
    assert compare() == 0
    assert len(calls(project)) == 7  # nobody needs it
    (project / OUT / 'results/KD_seed1.json').unlink()
    shutil.rmtree(project / OUT / 'KD_seed1')
    (big / 'old').touch()
    assert compare() == 0
    assert [call[0] for call in calls(project)[7:]] == ['big_one_seed0', 'KD_seed1']
    assert not (big / 'old').exists()  # it was begun anew, not resumed


def test_runs_that_were_moved_are_continued(calls, compare, project):
    compare()
    shutil.move(project / 'work_dirs', project / 'moved')
    there = project / 'moved/compare/mine'
    (there / 'results/KD_seed1.json').unlink()
    shutil.rmtree(there / 'KD_seed1')
    assert compare('--out', str(there)) == 0
    start = 'moved/compare/mine/big_one_seed0/epoch_3.pth'
    assert calls(project)[7:] == [['KD_seed1', start]]


def test_a_checkpoint_that_no_option_can_name_fails_what_needs_it(
    calls, compare, project, capsys
):
    assert compare('--training', 'big one', '0') == 0
    spaced = project / 'my runs/epoch_3.pth'
    spaced.parent.mkdir()
    spaced.touch()
    (project / OUT / 'big_one_seed0/last_checkpoint').write_text(str(spaced))
    assert compare() == 1
    said = capsys.readouterr().err
    assert 'Not finished: KD, seed 2: my runs/epoch_3.pth: this path is handed' in said
    names = [call[0] for call in calls(project)]
    assert names == ['big_one_seed0', 'alone_seed0', 'alone_seed1', 'alone_seed2']


def test_a_job_trains_a_start_whose_checkpoint_is_gone(calls, compare, project):
    compare()
    (project / OUT / 'big_one_seed0/epoch_3.pth').unlink()
    (project / OUT / 'results/KD_seed1.json').unlink()
    shutil.rmtree(project / OUT / 'KD_seed1')
    assert compare('--launcher', 'slurm') == 0
    jobs = [file.name for file in (project / OUT / 'slurm').glob('*seed*.sh')]
    assert sorted(jobs) == ['KD_seed1.sh', 'big_one_seed0.sh']
    for row, seed in (('big one', '0'), ('KD', '1')):
        assert compare('--training', row, seed) == 0
    assert [call[0] for call in calls(project)[7:]] == ['big_one_seed0', 'KD_seed1']


def test_a_job_does_not_fail_because_of_another_training(compare, project, capsys):
    compare()
    (project / OUT / 'results/alone_seed1.json').unlink()
    shutil.rmtree(project / OUT / 'alone_seed1/20260101')  # what it logged
    assert compare('--training', 'big one', '0') == 0
    assert 'Not finished' not in capsys.readouterr().err
    assert compare('--training', 'alone', '1') == 1
    assert 'Not finished: alone, seed 1' in capsys.readouterr().err


def test_two_commands_do_not_train_in_one_folder(calls, compare, project, capsys):
    (project / OUT).mkdir(parents=True)
    with (project / OUT / '.alone_seed1.lock').open('ab') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert compare() == 1
    assert 'alone, seed 1: another command trains in' in capsys.readouterr().err
    assert 'alone_seed1' not in [call[0] for call in calls(project)]
    assert compare() == 0
    assert [call[0] for call in calls(project)].count('alone_seed1') == 1


SLOW = """
import pathlib, sys, time
folder = pathlib.Path(sys.argv[sys.argv.index('--work-dir') + 1])
(folder / 'runs').touch()
time.sleep(600)
"""


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_no_training_runs_on_after_a_signal(project, number):
    (project / 'tools/train.py').write_text(SLOW)
    code = (
        f'import sys; sys.path[:0] = [{str(TOOLS)!r}, {str(TOOLS.parent)!r}]\n'
        'import pathlib, launch, compare\n'
        'from dynkd.utils.tool import run_tool\n'
        f'launch.ROOT = pathlib.Path({str(project)!r})\n'
        'run_tool(lambda: sys.exit(compare.main(sys.argv[1:])), lambda: "again")\n'
    )
    process = subprocess.Popen(
        [sys.executable, '-c', code, str(project / 'mine.py')],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=project,
        restore_signals=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    running = project / OUT / 'big_one_seed0' / 'runs'
    for _ in range(1200):
        if running.exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -number, said
    assert 'stopped by' in said and 'Traceback' not in said
    # The lock is free: nobody trains there.
    with (project / OUT / '.big_one_seed0.lock').open('ab') as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_control_is_the_same_stream(row_of, compare, project):
    change(
        project,
        'tools/train.py',
        "{f'{name}top1': value",
        "{f'{name}top1': value + 50 * (name == 'teacher/')",
    )
    row = """
    dict(name='KD2', config='pair.py', starts=dict(teacher='big one'),
         streams=['student', 'teacher'], against=dict(teacher='KD')),
]"""
    file = project / 'mine.py'
    file.write_text(file.read_text().rstrip().removesuffix(']') + row)
    assert compare() == 0
    line = row_of(project, 'KD2', 'teacher')
    assert line[3:5] == ['60.000 ± 1.000', '+0.000 (+0.000 to +0.000) [KD]']


def test_a_difference_over_fewer_seeds_says_so(row_of, compare, project):
    compare()
    (project / OUT / 'results/alone_seed2.json').unlink()
    shutil.rmtree(project / OUT / 'alone_seed2')
    assert compare('--no-training') == 0
    assert row_of(project, 'KD', 'student')[4].endswith(', 2 pairs')


PYTHON_STYLE = """
from mmengine.config import read_base
from mmengine.dataset import pseudo_collate
with read_base():
    from .plain_style import *
train_dataloader = dict(collate_fn=dict(type=pseudo_collate))
"""


def test_the_key_is_the_same_in_every_process(project):
    text = (project / 'plain.py').read_text()
    (project / 'plain_style.py').write_text(text)
    (project / 'python_style.py').write_text(PYTHON_STYLE)
    change(
        project,
        'mine.py',
        "name='alone', config='plain",
        "name='alone', config='python_style",
    )
    code = (
        f'import sys; sys.path[:0] = [{str(TOOLS)!r}, {str(TOOLS.parent)!r}]\n'
        'from pathlib import Path\n'
        'from comparison.spec import read\n'
        'from comparison.trainings import trainings_of\n'
        'here = Path(sys.argv[1])\n'
        'found = trainings_of(read(here / "mine.py"), here, here)\n'
        'print(next(one.key for one in found if one.row.name == "alone"))\n'
    )
    keys = {
        subprocess.run(
            [sys.executable, '-c', code, str(project)],
            capture_output=True,
            text=True,
            check=True,
            cwd=project,
        ).stdout
        for _ in range(2)
    }
    assert len(keys) == 1


def test_a_scaled_learning_rate_is_another_training(calls, compare, project):
    compare()
    off = 'auto_scale_lr = dict(base_batch_size=8, enable=False)\n'
    change(project, 'plain.py', 'model = dict()', off + 'model = dict()')
    compare()
    assert len(calls(project)) == 7
    change(project, 'plain.py', 'enable=False', 'enable=True')
    compare()
    assert len(calls(project)) == 14
