# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The commands that load checkpoints end with one line at files that attack them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from loading import load_file

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CONFIG = str(HERE / 'configs' / 'dtskd.py')
ATTACKS = ('system', 'array_of_objects', 'cyclic_list', 'legacy_system', 'cut_at_0.5')


def _train(path, folder):
    return 'train.py', CONFIG, '--work-dir', str(folder), '--resume', str(path)


def _test(path, folder):
    return 'test.py', CONFIG, str(path), '--work-dir', str(folder)


def _export(path, folder):
    out = str(folder / 'student.pth')
    return 'model_converters/export_stream.py', CONFIG, str(path), out


@pytest.fixture(scope='module')
def attacks(tmp_path_factory):
    """A folder of crafted files, and the file that exists if code has run."""
    folder = tmp_path_factory.mktemp('attacks')
    witness = folder / 'witness'
    honest = dict(
        meta=dict(epoch=1, iter=3),
        state_dict={'a.weight': torch.rand(3, 2)},
        message_hub=dict(log_scalars={}, runtime_info={}, resumed_keys={}),
        optimizer={},
        param_schedulers=[],
    )
    load_file(HERE / 'crafted.py').write_all(folder, honest, witness)
    return folder, witness


@pytest.mark.slow
@pytest.mark.parametrize('attack', ATTACKS)
@pytest.mark.parametrize('command', [_train, _test, _export])
def test_a_command_refuses(command, attack, attacks, tmp_path):
    folder, witness = attacks
    path = folder / f'{attack}.pth'
    tool, *words = command(path, tmp_path)
    env = dict(os.environ, OMP_NUM_THREADS='1', CUDA_VISIBLE_DEVICES='')
    env['PYTHONPATH'] = os.pathsep.join([str(HERE), str(ROOT)])
    done = subprocess.run(
        [sys.executable, str(ROOT / 'tools' / tool), *words],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stderr[-3000:]
    last = done.stderr.strip().splitlines()[-1]
    assert path.name in last and 'Traceback' not in done.stderr
    assert not witness.exists()
    assert not list(tmp_path.glob('**/*.pth'))
