# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The demo of action recognition: what it runs, in which order, and what it reports."""

import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / 'tools' / 'demo_video.py'


@pytest.fixture(scope='module')
def demo(import_tool):
    return import_tool('demo_video')


@pytest.fixture
def logs(write_run, tmp_path):
    """Logs of the three runs, with other accuracies in each epoch."""
    write_run(tmp_path / 'flow', [{'acc/top1': 0.5}, {'acc/top1': 0.875}])
    write_run(tmp_path / 'rgb', [{'acc/top1': 0.125}, {'acc/top1': 0.25}])
    names = ('student', 'teacher', 'fused')
    write_run(
        tmp_path / 'dkd',
        [
            {f'{name}/acc/top1': value for name, value in zip(names, values)}
            for values in ((0.1, 0.2, 0.3), (0.75, 0.9, 1.0))
        ],
    )
    return tmp_path


@pytest.fixture
def calls(demo, import_tool, monkeypatch):
    """Have trainings and tools only noted."""
    found = []

    def train_once(title, config, work_dir, options=(), after=None):
        found.append((config, work_dir.name, list(options), after and after.name))

    def run(command, cwd):
        found.append(command[1:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(import_tool('demo_dkd'), 'train_once', train_once)
    monkeypatch.setattr(demo.subprocess, 'run', run)
    return found


def test_the_report_has_the_last_accuracies(demo, logs, capsys):
    demo.REPORT.write(logs, 90.0)
    said = capsys.readouterr().out
    table = (logs / 'results.md').read_text()
    assert table in said and '1.5 minutes' in said
    rows = [line.strip('| ').split('|') for line in table.splitlines()[2:]]
    assert {label.strip(): float(value) for label, value in rows} == {
        'RGB, alone': 25.0,
        'RGB, distilled': 75.0,
        'flow, alone': 87.5,
        'flow, after DKD': 90.0,
        'RGB + flow, fused': 100.0,
    }
    assert len({len(line) for line in table.splitlines()}) == 1
    assert (logs / 'curves.png').stat().st_size > 1000


def test_the_distillation_starts_from_the_flow_model(demo, calls, logs, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['demo_video.py', '--out', str(logs)])
    demo.main(demo.run, 'A demo.', 'elsewhere')
    clips, flow, *trainings = calls
    assert clips[0].endswith('digits.py') and clips[-2:] == ['--task', 'video']
    assert flow[0].endswith('extract_flow.py')
    teacher = f'model.streams.teacher.checkpoint={logs}/flow/epoch_2.pth'
    assert trainings == [
        (demo.FLOW, 'flow', [], None),
        (demo.RGB, 'rgb', [], None),
        (demo.DKD, 'dkd', [teacher], 'flow'),
    ]


def test_a_tool_that_fails_ends_it(demo, monkeypatch):
    failed = subprocess.CompletedProcess([], 3)
    monkeypatch.setattr(demo.subprocess, 'run', lambda *args, **kwargs: failed)
    with pytest.raises(SystemExit) as end:
        demo.make_data()
    assert end.value.code == 3


def test_its_tools_are_called_as_they_can_be(demo, calls, import_converter):
    """The tools themselves read the words that the demo gives them."""
    demo.make_data()
    for words in calls:
        assert vars(import_converter(Path(words[0]).stem).parse_args(words[1:]))


def test_its_configs_read_what_it_writes(demo):
    for config in (demo.FLOW, demo.RGB, demo.DKD):
        cfg = Config.fromfile(ROOT / config)
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            assert Path(loader.dataset.data_root) == demo.FRAMES
    assert set(cfg.val_cfg.fused) == {'student', 'teacher'}
    assert [phase.name for phase in cfg.model.phases] == ['static', 'dynamic']


def test_it_says_what_it_does():
    shown = subprocess.run(
        [sys.executable, str(SCRIPT), '--help'], capture_output=True, text=True
    )
    assert 'Dynamic KD' in shown.stdout
