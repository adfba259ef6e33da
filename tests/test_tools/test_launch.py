# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from loading import load_file

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
launch = load_file(TOOLS / 'launch.py')

TRAIN = (
    '11/21 09:22:42 - mmengine - INFO - Epoch(train) [1][2/6]  teacher.lr: 4.0000e-03  '
    'eta: 0:01:39  time: 6.2  loss: 16.0542  teacher/loss_cls: 1.1185'
)
VAL = (
    '11/21 09:24:51 - mmengine - INFO - Epoch(val) [3][2/2]    '
    'teacher/coco/bbox_mAP: 0.0040  teacher/coco/bbox_mAP_50: 0.0120  '
    'student/coco/bbox_mAP: 0.1000  time: 0.1'
)


@pytest.mark.parametrize(
    ('line', 'shown'),
    [
        (TRAIN, 'epoch  1, batch   2/6  loss 16.0542'),
        (
            VAL,
            'epoch  3, validation     teacher/coco/bbox_mAP 0.0040  '
            'student/coco/bbox_mAP 0.1000',
        ),
        ('Epoch(val) [3][1/2]    eta: 0:00:00  time: 0.2', ''),
        ('loading annotations into memory...', ''),
    ],
)
def test_progress(line, shown):
    assert launch.progress(line) == shown


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose training notes its options, and fails when told to."""
    monkeypatch.setattr(launch, 'ROOT', tmp_path)
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools' / 'train.py').write_text(
        'import pathlib, sys\n'
        'pathlib.Path("calls").open("a").write(" ".join(sys.argv[2:]) + "\\n")\n'
        'print("a last word")\n'
        'sys.exit(pathlib.Path("fail").exists())\n'
    )
    (tmp_path / 'config.py').write_text('value = 1\n')
    return tmp_path


def calls(project):
    path = project / 'calls'
    return path.read_text().splitlines() if path.exists() else []


def test_a_training_runs_once(project, capsys):
    for _ in range(2):
        launch.train_once('it', 'config.py', project / 'run', ['a=1'])
    assert calls(project) == [
        f'--work-dir {project / "run"} --resume --cfg-options a=1'
    ]
    assert 'it: done before' in capsys.readouterr().out


def test_a_training_that_failed_is_resumed_with_what_it_had(project, capsys):
    (project / 'fail').touch()
    with pytest.raises(SystemExit, match='Start again to continue'):
        launch.train_once('it', 'config.py', project / 'run')
    assert 'a last word' in capsys.readouterr().err
    (project / 'run' / 'epoch_1.pth').touch()
    (project / 'fail').unlink()
    launch.train_once('it', 'config.py', project / 'run')
    assert len(calls(project)) == 2
    assert (project / 'run' / 'epoch_1.pth').exists()


@pytest.mark.parametrize('change', ['config', 'options'])
def test_a_training_of_something_else_is_not_continued(project, change):
    launch.train_once('it', 'config.py', project / 'run')
    (project / 'run' / 'epoch_1.pth').touch()
    if change == 'config':
        (project / 'config.py').write_text('value = 2\n')
    launch.train_once(
        'it', 'config.py', project / 'run', ['a=1'] if change == 'options' else []
    )
    assert len(calls(project)) == 2
    assert not (project / 'run' / 'epoch_1.pth').exists()


def test_a_training_follows_the_one_that_it_starts_from(project):
    def both(options):
        launch.train_once('first', 'config.py', project / 'first', options)
        launch.train_once(
            'then', 'config.py', project / 'then', after=project / 'first'
        )

    both([])
    both([])
    assert len(calls(project)) == 2
    both(['a=1'])
    assert len(calls(project)) == 4


def test_the_demo_says_what_it_does():
    script = launch.ROOT / 'tools' / 'demo.py'
    shown = subprocess.run(
        [sys.executable, str(script), '--help'], capture_output=True, text=True
    )
    assert 'Dynamic KD' in shown.stdout


def test_files_of_something_else_are_left_alone(project):
    folder = project / 'run'
    folder.mkdir()
    (folder / 'epoch_300.pth').touch()
    with pytest.raises(SystemExit, match='run holds files of something else'):
        launch.train_once('it', 'config.py', folder)
    assert (folder / 'epoch_300.pth').exists() and calls(project) == []


def test_a_path_as_an_option(tmp_path):
    assert launch.path_option(tmp_path / 'a' / 'b.pth', tmp_path / 'a') == 'b.pth'
    elsewhere = tmp_path / 'b.pth'
    assert launch.path_option(elsewhere, tmp_path / 'a') == str(elsewhere)
    # The project itself may lie anywhere.
    root = tmp_path / 'my, projects'
    assert launch.path_option(root / 'b.pth', root) == 'b.pth'
    for name in ('a b', 'a,b', 'a[1]', '(a)', "a'"):
        with pytest.raises(ValueError, match='does not take spaces'):
            launch.path_option(tmp_path / name, root)


def asked_to_end(answer):
    """A process that was asked to end, and what its lines make of that."""
    code = (
        'import signal, sys, time\n'
        f'{answer}\n'
        'print("ready", flush=True)\n'
        'time.sleep(600)\n'
    )
    words = [sys.executable, '-c', code]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == 'ready\n'
    process.terminate()
    return process


def test_a_training_that_is_stopped_has_ended_before_the_tool_does(monkeypatch):
    """It saves something at its end, and another may begin in the same folder."""
    process = asked_to_end(
        'def end(*_):\n'
        '    time.sleep(0.5)\n'
        '    sys.exit(3)\n'
        'signal.signal(signal.SIGTERM, end)'
    )
    sleep, asked = launch.time.sleep, []

    def interrupted(seconds):
        sleep(seconds)
        if not asked:
            asked.append(1)
            raise KeyboardInterrupt

    monkeypatch.setattr(launch.time, 'sleep', interrupted)
    launch.wait_for(process)
    assert process.returncode == 3 and asked


def test_a_training_that_does_not_end_is_killed(monkeypatch):
    process = asked_to_end('signal.signal(signal.SIGTERM, signal.SIG_IGN)')
    monkeypatch.setattr(launch, 'PATIENCE', 0.2)
    launch.wait_for(process)
    assert process.returncode == -signal.SIGKILL
