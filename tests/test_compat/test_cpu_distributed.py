# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
import os
import socket
import subprocess
import sys

import pytest
import torch
from mmengine.config import Config

from dynkd.compat import cpu_distributed, init_cpu_process_group, set_cpu_model_wrapper

SCRIPT = """
import dynkd
import sys
import torch
from dynkd.compat import (
    init_cpu_process_group, leave_process_group, set_cpu_model_wrapper)
from mmengine.config import Config
from mmengine.model import BaseModel
from mmengine.registry import DATASETS, MODELS
from mmengine.runner import Runner


@DATASETS.register_module()
class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return {'x': torch.full((2,), float(i))}


@MODELS.register_module()
class Line(BaseModel):
    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(2, 1)

    def forward(self, x, mode='tensor'):
        return {'loss': self.line(x).square().mean()}


launcher = 'pytorch'
cfg = Config({
    'model': {'type': 'Line'}, 'work_dir': sys.argv[1], 'launcher': launcher,
    'train_dataloader': {'batch_size': 2, 'dataset': {'type': 'Numbers'},
                         'collate_fn': {'type': 'default_collate'},
                         'sampler': {'type': 'DefaultSampler', 'shuffle': False}},
    'train_cfg': {'by_epoch': True, 'max_epochs': 2}, 'default_scope': 'mmengine',
    'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.1}},
    'env_cfg': {'dist_cfg': {'backend': 'nccl'}}})
assert init_cpu_process_group(launcher, timeout=60)
assert not init_cpu_process_group(launcher)
set_cpu_model_wrapper(cfg)
runner = Runner.from_cfg(cfg)
runner.train()
weight = runner.model.module.line.weight.detach()
both = [torch.zeros_like(weight) for _ in range(2)]
torch.distributed.all_gather(both, weight)
assert torch.equal(*both)
name = type(runner.model).__name__
print(f'RANK {runner.rank} OF {runner.world_size} {name} {runner.iter}', flush=True)
leave_process_group()
"""


def _free_port() -> str:
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return str(listener.getsockname()[1])


def _environment(rank: int, launcher: str, port: str) -> dict:
    names = {
        'slurm': ('SLURM_PROCID', 'SLURM_NTASKS', 'SLURM_LOCALID'),
        'mpi': (
            'OMPI_COMM_WORLD_RANK',
            'OMPI_COMM_WORLD_SIZE',
            'OMPI_COMM_WORLD_LOCAL_RANK',
        ),
    }[launcher]
    values = zip(names, (str(rank), '2', str(rank)))
    address = {'MASTER_ADDR': '127.0.0.1', 'MASTER_PORT': port}
    return {**os.environ, 'CUDA_VISIBLE_DEVICES': '', **dict(values), **address}


def test_torchrun_with_two_processes(tmp_path):
    script = tmp_path / 'train.py'
    script.write_text(SCRIPT)
    command = [sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node=2']
    command += ['--master_addr=127.0.0.1', f'--master_port={_free_port()}', str(script)]
    done = subprocess.run(
        [*command, str(tmp_path / 'run')],
        capture_output=True,
        text=True,
        env={**os.environ, 'CUDA_VISIBLE_DEVICES': ''},
    )
    assert done.returncode == 0, done.stderr
    for rank in range(2):
        assert f'RANK {rank} OF 2 MMDistributedDataParallel 2' in done.stdout


@pytest.mark.parametrize('launcher', ['slurm', 'mpi'])
def test_other_launchers(launcher):
    code = (
        'import torch\nfrom dynkd.compat import init_cpu_process_group\n'
        f'assert init_cpu_process_group({launcher!r}, timeout=60)\n'
        'total = torch.ones(1) + torch.distributed.get_rank()\n'
        'torch.distributed.all_reduce(total)\n'
        'print(total.item(), torch.distributed.get_backend())'
    )
    port = _free_port()
    processes = [
        subprocess.Popen(
            [sys.executable, '-c', code],
            env=_environment(rank, launcher, port),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for process in processes:
        out, error = process.communicate()
        assert out.split() == ['3.0', 'gloo'], error


@pytest.fixture
def without_accelerator(monkeypatch):
    monkeypatch.setattr(cpu_distributed, '_has_accelerator', lambda: False)


@pytest.fixture
def with_accelerator(monkeypatch):
    monkeypatch.setattr(cpu_distributed, '_has_accelerator', lambda: True)


def test_wrapper_takes_over_the_configs_switches(without_accelerator):
    cfg = Config({'launcher': 'pytorch', 'find_unused_parameters': True})
    set_cpu_model_wrapper(cfg)
    assert cfg.model_wrapper_cfg == {
        'type': 'MMDistributedDataParallel',
        'device_ids': None,
        'broadcast_buffers': False,
        'find_unused_parameters': True,
    }


def test_users_wrapper_stays(without_accelerator):
    wrapper = {'type': 'MMDistributedDataParallel', 'static_graph': True}
    cfg = Config({'launcher': 'pytorch', 'model_wrapper_cfg': wrapper})
    set_cpu_model_wrapper(cfg)
    assert cfg.model_wrapper_cfg == {**wrapper, 'device_ids': None}


def test_a_wrapper_without_device_numbers_stays(without_accelerator):
    wrapper = {'type': 'MMFullyShardedDataParallel'}
    cfg = Config({'launcher': 'pytorch', 'model_wrapper_cfg': wrapper})
    set_cpu_model_wrapper(cfg)
    assert cfg.model_wrapper_cfg == wrapper


def test_nothing_happens_in_one_process(without_accelerator):
    cfg = Config({'launcher': 'none'})
    set_cpu_model_wrapper(cfg)
    assert 'model_wrapper_cfg' not in cfg
    assert not init_cpu_process_group('none')
    assert not torch.distributed.is_initialized()


def test_nothing_happens_with_an_accelerator(with_accelerator):
    cfg = Config({'launcher': 'pytorch'})
    set_cpu_model_wrapper(cfg)
    assert 'model_wrapper_cfg' not in cfg
    assert not init_cpu_process_group('pytorch')


def test_unknown_launcher():
    with pytest.raises(ValueError, match="not 'ssh'"):
        init_cpu_process_group('ssh')
