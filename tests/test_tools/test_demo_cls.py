# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The demos of DKD: what they train, in which order, and what they report."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize('name', ['demo', 'demo_cls'])
def test_trainings_follow_one_another_and_are_reported(
    import_tool, write_run, name, tmp_path, monkeypatch, capsys
):
    demo, shared = import_tool(name).DEMO, import_tool('demo_dkd')
    made, trained = [], []

    def train_once(title, config, work_dir, options=(), after=None):
        trained.append((config, list(options), after and after.name))
        prefixes = ('teacher/', 'student/') if work_dir.name == 'dkd' else ('',)
        values = {
            f'{prefix}{metric}': 0.1 * len(trained) + 0.01 * number
            for prefix in prefixes
            for number, metric in enumerate(demo.metrics.values())
        }
        write_run(work_dir, [dict.fromkeys(values, 0.0), values])

    monkeypatch.setattr(shared, 'train_once', train_once)

    def make(command, **settings):
        made.append(command[-2:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(shared.subprocess, 'run', make)
    demo.run(tmp_path)
    assert made == [['--task', demo.task]]
    start = f'model.streams.teacher.checkpoint={tmp_path}/teacher/epoch_2.pth'
    assert trained == [
        (demo.teacher, [], None),
        (demo.student, [], None),
        (demo.dkd, [start], 'teacher'),
    ]
    table = (tmp_path / 'results.md').read_text()
    head, _, *rows = table.splitlines()
    assert [cell.strip() for cell in head.split('|')[2:-1]] == list(demo.metrics)
    firsts = [float(row.split('|')[2]) for row in rows]
    assert firsts == pytest.approx([0.1, 0.3, 0.2, 0.3])
    assert (tmp_path / 'curves.png').stat().st_size > 1000
    out = capsys.readouterr().out
    assert table in out and demo.library in out
    # What the third starts from was deleted since: it is trained again.
    for folder in ('teacher', 'student', 'dkd'):
        shutil.rmtree(tmp_path / folder)
    (tmp_path / 'teacher').mkdir()
    (tmp_path / 'teacher' / 'done').write_text('key')
    demo.run(tmp_path)
    assert len(trained) == 6
    assert not (tmp_path / 'teacher' / 'done').exists()


@pytest.mark.parametrize('name', ['demo', 'demo_cls'])
def test_configs_report_the_metrics(import_tool, name):
    demo = import_tool(name).DEMO
    kind = {'det': 'CocoMetric', 'cls': 'Accuracy'}[demo.task]
    for config in (demo.teacher, demo.student, demo.dkd):
        cfg = Config.fromfile(ROOT / config)
        evaluator = cfg.val_evaluator
        first = evaluator[0] if isinstance(evaluator, list) else evaluator
        assert first.type.split('.')[-1] == kind
        assert 'data/digits' in str(cfg.val_dataloader)
    assert set(cfg.model.streams) == {'teacher', 'student'}


def test_demo_of_detection_says_that_it_needs_ops(tmp_path):
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').write_text('')
    code = (
        f'import sys, runpy; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]\n'
        'import mmcv\n'
        f'sys.path.insert(0, {str(ROOT / "tools")!r})\n'
        f'runpy.run_path({str(ROOT / "tools" / "demo.py")!r}, run_name="__main__")\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "need MMCV's ops" in done.stderr and 'make demo-cls' in done.stderr


def test_a_demo_refuses_a_folder_that_it_cannot_use(import_tool, tmp_path):
    shared = import_tool('demo_dkd')
    one = shared.Training('it', 'config.py', 'it')
    with pytest.raises(SystemExit, match='does not take spaces'):
        shared.train_three(one, one, one, tmp_path / 'my runs')
