# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A table, door x attack: no cell runs code, ends a process or takes memory."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from loading import load_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


crafted = load_file(HERE / 'crafted.py')
doors = load_file(HERE / 'doors.py')

#: Megabytes that all the files of a door together may take.
MOST_MEMORY = 200
#: The rest of the table runs with `make test-slow`.
QUICK = ('load_checkpoint_file', 'resume')
#: What MMDetection needs.
OPS = importlib.util.find_spec('mmcv._ext') is not None


def _marks(door):
    if door in QUICK:
        return ()
    without_ops = door == 'inferencer' and not OPS
    skip = pytest.mark.skipif(without_ops, reason="MMDetection needs MMCV's ops")
    return (pytest.mark.slow, skip)


DOORS = [pytest.param(door, marks=_marks(door)) for door in doors.DOORS]


@pytest.fixture(scope='module')
def honest(tmp_path_factory):
    """A checkpoint that a run of the doors' model has written."""
    folder = tmp_path_factory.mktemp('honest')
    doors.make_runner(str(folder)).train()
    return torch.load(folder / 'epoch_1.pth', weights_only=False)


@pytest.fixture(scope='module')
def attacks(honest, tmp_path_factory):
    folder = tmp_path_factory.mktemp('attacks')
    witness = folder / 'witness'
    names = crafted.write_all(folder, honest, witness)
    return folder, names, witness


def through(door, folder):
    env = dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1')
    command = [sys.executable, str(HERE / 'doors.py'), door, str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    # A negative status is a signal: memory was read that is nobody's.
    assert done.returncode == 0, done.stderr[-3000:]
    line = done.stdout[done.stdout.index('RESULTS ') :].splitlines()[0]
    return json.loads(line.removeprefix('RESULTS '))


@pytest.mark.parametrize('door', DOORS)
def test_every_attack_is_refused(door, attacks):
    folder, names, witness = attacks
    table = through(door, folder)
    results = table['results']
    assert sorted(results) == sorted(names) and len(names) > 60
    wrong = {n: r for n, r in results.items() if 'CheckpointError' not in r[0]}
    assert not wrong
    assert not witness.exists()
    assert table['grown'] < MOST_MEMORY
    for name, (_, text) in results.items():
        file = 'epoch_1.pth' if door == 'auto_resume' else f'{name}.pth'
        assert file in text and '\n' not in text, text


def test_honest_checkpoint_comes_through(honest, tmp_path):
    # Else the table above could not fail.
    torch.save(honest, tmp_path / 'honest.pth')
    for door in QUICK:
        assert through(door, tmp_path)['results'] == {'honest': ['', 'loaded']}


def test_the_attacks_are_attacks(attacks):
    folder, names, witness = attacks
    torch.load(folder / 'system.pth', weights_only=False)
    assert witness.exists()
    witness.unlink()


@pytest.mark.parametrize('door', DOORS)
def test_texts_of_a_checkpoint_are_not_run_as_configs(door, honest, tmp_path):
    witness = tmp_path / 'witness'
    (tmp_path / 'evil.py').write_text(f'open({str(witness)!r}, "w")\n')
    texts = crafted.texts(witness)
    for name, text in texts.items():
        infos = dict(honest['message_hub']['runtime_info'], cfg=text)
        checkpoint = dict(
            honest,
            meta=dict(honest['meta'], config=text, cfg=text),
            message_hub=dict(honest['message_hub'], runtime_info=infos),
        )
        torch.save(checkpoint, tmp_path / f'{name}.pth')
    results = through(door, tmp_path)['results']
    assert results == {name: ['', 'loaded'] for name in texts}
    assert not witness.exists()
