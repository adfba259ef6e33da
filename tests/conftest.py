# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What the tests of all parts share; the models are in `helpers/tiny_models.py`."""

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Optional

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import MessageHub, MMLogger
from mmengine.registry import DefaultScope

from dynkd.registry import MODELS

# Models this small wait for threads longer than they compute; so do those of processes
# that are started here.
torch.set_num_threads(1)
os.environ['OMP_NUM_THREADS'] = '1'

pytest_plugins = ['tiny_models']


@pytest.fixture(autouse=True)
def fresh_state():
    """Give each test a message hub, a default scope and random numbers of its own.

    A logger too, as one writes to where the output went when it was made.
    """
    hubs = dict(MessageHub._instance_dict)
    scopes = dict(DefaultScope._instance_dict)
    loggers = dict(MMLogger._instance_dict)
    MessageHub._instance_dict.clear()
    MMLogger._instance_dict.clear()
    MessageHub.get_instance('test')
    torch.manual_seed(0)
    np.random.seed(0)
    yield
    managers = (MessageHub, hubs), (DefaultScope, scopes), (MMLogger, loggers)
    for manager, before in managers:
        manager._instance_dict.clear()
        manager._instance_dict.update(before)


@pytest.fixture
def progress() -> Callable[..., None]:
    """Tell the message hub how far a training is, as MMEngine's runner does."""

    def tell(**infos: int) -> None:
        for key, value in infos.items():
            MessageHub.get_current_instance().update_info(key, value)

    return tell


@pytest.fixture(scope='session')
def in_processes() -> Callable[..., list[Any]]:
    """Run a script in processes that find each other, and load what each found.

    The script is given a folder, and each process saves to its ``found.RANK``.
    """

    def run(script: Path, folder: Path, world: int = 2) -> list[Any]:
        command = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
        command += [f'--nproc_per_node={world}', str(script), str(folder)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, 'CUDA_VISIBLE_DEVICES': ''},
        )
        assert done.returncode == 0, done.stderr[-20000:]
        paths = [folder / f'found.{rank}' for rank in range(world)]
        return [torch.load(path, weights_only=True) for path in paths]

    return run


@pytest.fixture(scope='session')
def build() -> Callable[..., torch.nn.Module]:
    """Build a distillation of streams ``teacher`` and ``student`` and initialise it."""

    def build(
        teacher: Optional[dict] = None, student: Optional[dict] = None, **cfg: Any
    ) -> torch.nn.Module:
        streams = dict(cfg.pop('streams', {}))
        given = dict(teacher=teacher, student=student)
        streams.update({name: own for name, own in given.items() if own is not None})
        for own in streams.values():
            own.setdefault('input_shape', (3, 64, 64))
        cfg = dict(dict(type='dynkd.Distillation', streams=streams), **cfg)
        model = MODELS.build(ConfigDict(copy.deepcopy(cfg)))
        model.init_weights()
        return model.train()

    return build


@pytest.fixture(scope='session')
def kld() -> Callable[..., dict]:
    """Config of a transfer of class probabilities between two classifiers' heads."""

    def config(source: str, target: str, **transfer: Any) -> dict:
        return dict(
            source=f'{source}.head',
            target=f'{target}.head',
            loss=dict(type='KLDLoss'),
            **transfer,
        )

    return config


# --------------------------------------------------------------------- batches


@pytest.fixture(scope='session')
def cls_batch() -> Callable[..., dict]:
    """A batch as MMPretrain's data loader gives it."""

    def batch(size: int = 4, num_classes: int = 5, seed: int = 0) -> dict:
        from mmpretrain.structures import DataSample

        generator = torch.Generator().manual_seed(seed)
        images = torch.randint(
            0, 256, (size, 3, 64, 64), generator=generator, dtype=torch.uint8
        )
        samples = [DataSample().set_gt_label(i % num_classes) for i in range(size)]
        for index, sample in enumerate(samples):
            sample.set_metainfo(dict(sample_idx=index))
        return dict(inputs=images, data_samples=samples)

    return batch


@pytest.fixture(scope='session')
def det_batch() -> Callable[..., dict]:
    """A batch as MMDetection's data loader gives it: a list of images."""

    def batch(size: int = 2, seed: int = 0) -> dict:
        from mmdet.structures import DetDataSample
        from mmengine.structures import InstanceData

        generator = torch.Generator().manual_seed(seed)
        images, samples = [], []
        for index in range(size):
            images.append(
                torch.randint(
                    0, 256, (3, 64, 64), generator=generator, dtype=torch.uint8
                )
            )
            sample = DetDataSample(
                metainfo=dict(
                    img_id=index,
                    img_shape=(64, 64),
                    ori_shape=(64, 64),
                    scale_factor=(1.0, 1.0),
                )
            )
            sample.gt_instances = InstanceData(
                bboxes=torch.tensor([[4.0, 4.0, 28.0, 30.0], [30.0, 20.0, 60.0, 62.0]]),
                labels=torch.tensor([0, 2]),
            )
            sample.ignored_instances = InstanceData(
                bboxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.long)
            )
            samples.append(sample)
        return dict(inputs=images, data_samples=samples)

    return batch


# ------------------------------------------------------------------- movements


@pytest.fixture(scope='session')
def snapshot() -> Callable[[torch.nn.Module], dict[str, torch.Tensor]]:
    """Copy all parameters and buffers of a distillation, frozen streams too."""

    def take(model: torch.nn.Module) -> dict[str, torch.Tensor]:
        state = dict(model.state_dict())
        for name, stream in model.all_streams.items():
            own = stream.model.state_dict()
            state.update({f'streams.{name}.{key}': v for key, v in own.items()})
        return {key: value.detach().clone() for key, value in state.items()}

    return take


@pytest.fixture(scope='session')
def moved() -> Callable[[dict, dict], set[str]]:
    """Names of what differs between two snapshots."""

    def names(before: dict, after: dict) -> set[str]:
        assert before.keys() == after.keys()
        return {key for key in before if not torch.equal(before[key], after[key])}

    return names
