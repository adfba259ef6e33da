# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Configs build what they say, through MMEngine's runner."""

from pathlib import Path

import pytest
from mmengine.model import BaseModel
from mmengine.optim import (
    CosineAnnealingLR,
    MultiStepLR,
    OptimWrapper,
    ReduceOnPlateauLR,
)
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch.utils.data import DataLoader

from dynkd.engine.optimizers import StreamOptimWrapper
from dynkd.models.algorithms import Distillation

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
#: Configs of other methods, and of several teachers or students.
OTHERS = [
    f'{folder}/{file.stem}'
    for folder in ('kd', 'several')
    for file in sorted((CONFIGS / folder).glob('*.py'))
]
#: Of those on other data than the digits, the smallest are built always.
OTHERS = [
    name
    if name.endswith('digits') or 'resnet56_resnet20' in name
    else pytest.param(name, marks=pytest.mark.slow)
    for name in OTHERS
]
#: One config of each family, and which schedule of learning rates it has.
FAMILIES = {
    'dkd/fcos_r50_r50half_coco': ReduceOnPlateauLR,
    'dkd/fcos_r50_r50half_static-mse_coco': ReduceOnPlateauLR,
    'dkd/fcos_r50_r50half_static-dynamic_coco': ReduceOnPlateauLR,
    'dkd/fcos_r50_r50half_from-scratch_coco': ReduceOnPlateauLR,
    'dkd/fcos_r50_r50half_mmd-kld_coco': ReduceOnPlateauLR,
    'dkd/fcos_r50_r50slim_coco': ReduceOnPlateauLR,
    'dkd/retinanet_r50_r50half_coco': ReduceOnPlateauLR,
    'dkd/faster-rcnn_r50_r50half_coco': ReduceOnPlateauLR,
    'dkd/resnet34_resnet18_in1k': MultiStepLR,
    'dkd/resnet34_resnet34half_in1k': MultiStepLR,
    'dkd/resnet34_resnet34half_static_in1k': MultiStepLR,
    'dkd/fcos_r18_r18half_bccd': MultiStepLR,
    'dkd/fcos_r18_r18half_static-mse_bccd': MultiStepLR,
    'dkd/fcos_r18_r18half_digits': CosineAnnealingLR,
    'dkd/fpn_r18_r18half_seg-digits': CosineAnnealingLR,
    'dkd/resnet18_resnet18half_digits': MultiStepLR,
    'dkd/resnet18_resnet18half_static_digits': MultiStepLR,
    'dkd/resnet18_resnet18half_historical_digits': MultiStepLR,
    'dkd/resnet18_resnet18half_cifar10': MultiStepLR,
    'dkd/resnet18_resnet18half_static_cifar10': MultiStepLR,
    'dkd/resnext3d101_flow-rgb_static-dynamic_hmdb51': MultiStepLR,
    'dkd/slowonly_r50_flow-rgb_hmdb51': MultiStepLR,
    'dkd/resnext3d18_flow-rgb_moving-digits': MultiStepLR,
    'dkd/resnext3d18_flow-rgb_static_surv-fights': MultiStepLR,
    'dkd/resnext3d18_flow-rgb_static-dynamic_surv-fights': MultiStepLR,
}
ALONE = {
    'baselines/fcos_r50_coco': ReduceOnPlateauLR,
    'baselines/fcos_r50half_coco': ReduceOnPlateauLR,
    'baselines/resnet18_in1k': MultiStepLR,
    'baselines/vgg16-3fc_200e_cifar100': MultiStepLR,
    'baselines/retinanet_r50half_coco': ReduceOnPlateauLR,
    'baselines/faster-rcnn_r50half_coco': ReduceOnPlateauLR,
    'baselines/resnet34half_in1k': MultiStepLR,
    'baselines/fcos_r18_bccd': MultiStepLR,
    'baselines/fcos_r18half_digits': CosineAnnealingLR,
    'baselines/fpn_r18half_seg-digits': CosineAnnealingLR,
    'baselines/resnet18half_cifar10': MultiStepLR,
    'baselines/vgg8_200e_cifar100': MultiStepLR,
    'baselines/senet34_300e_cifar100': MultiStepLR,
    'baselines/resnet18_tiny-imagenet': MultiStepLR,
    'baselines/slowonly_r50_flow_hmdb51': MultiStepLR,
    'baselines/resnext3d18_rgb_surv-fights': MultiStepLR,
    'ekd/resnet18slim_uccs': MultiStepLR,
}
#: Streams of one recipe, which share an optimizer, and how many branches each has.
BRANCHED = {
    'ekd/resnet18_resnet18half_digits': dict(teacher=3, student=3),
    'ekd/resnet18_resnet18half_kd_cifar10': dict(teacher=0, student=0),
    'ekd/vgg11_vgg11_guided0_cifar100': dict(teacher=0, student=0),
    'ekd/vgg11_vgg11_guided2_cifar100': dict(teacher=2, student=2),
    'ekd/resnet18_vgg8_cifar100': dict(teacher=3, student=3),
    'ekd/resnet18_shufflenetv2_cifar100': dict(teacher=2, student=2),
    'ekd/resnet110_resnet110_cifar100': dict(teacher=2, student=2),
    'ekd/vgg16_vgg16_cifar100': dict(teacher=4, student=4),
    'ekd/resnet50_resnet18_kd-crd_cifar100': dict(teacher=0, student=0),
    'ekd/resnet50_resnet18_kd-sg_cifar100': dict(teacher=0, student=3),
    'ekd/resnet50_resnet18_kd-tg-sg_cifar100': dict(teacher=3, student=3),
    'ekd/resnet50-guided_cifar100': dict(teacher=3),
    'ekd/resnet50_resnet18slim_umdfaces': dict(teacher=3, student=3),
    'dtskd/resnet18half_digits': dict(student=3),
    'dtskd/vgg11_cifar100': dict(student=3),
    'dtskd/vgg16-3fc_cifar100': dict(student=3),
    'dtskd/shufflenetv2_cifar100': dict(student=3),
    'dtskd/resnext18_cifar100': dict(student=3),
    'dtskd/resnet18_no-fusion-1_cifar100': dict(student=3),
    'dtskd/resnet18_in1k': dict(student=3),
}


@pytest.fixture
def runner_of(read_offline, tmp_path):
    """A runner of a config, without its data."""

    def build(name: str) -> Runner:
        cfg = read_offline(name)
        cfg.work_dir = str(tmp_path)
        cfg.experiment_name = name.replace('/', '_')
        cfg.log_level = 'WARNING'
        runner = Runner.from_cfg(cfg)
        # Schedules ask how long an epoch is.
        runner._train_loop = EpochBasedTrainLoop(
            runner, DataLoader(range(10)), cfg.train_cfg.max_epochs
        )
        runner.optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        return runner

    return build


def schedules(runner: Runner) -> dict:
    """Types of the main schedules of each stream, those after the warmup."""
    built = runner.build_param_scheduler(runner.cfg.param_scheduler)
    built = built if isinstance(built, dict) else dict(model=built)
    return {name: type(own[-1]) for name, own in built.items()}


def learners(wrappers: list[OptimWrapper]) -> set:
    """Identities of the parameters that optimizers change."""
    return {
        id(parameter)
        for wrapper in wrappers
        for group in wrapper.optimizer.param_groups
        for parameter in group['params']
    }


@pytest.mark.parametrize('name', FAMILIES)
def test_distillations_build_with_their_optimizers(name, runner_of):
    runner = runner_of(name)
    model = runner.model
    assert isinstance(model, Distillation)
    assert isinstance(runner.optim_wrapper, StreamOptimWrapper)
    changed = learners(list(runner.optim_wrapper.values()))
    assert changed == {id(parameter) for parameter in model.parameters()}
    assert set(runner.optim_wrapper.keys()) == set(model.streams)
    assert set(model.all_streams) == {'teacher', 'student'}
    found = schedules(runner)
    assert set(found.values()) == {FAMILIES[name]}
    assert set(found) == set(model.streams)


@pytest.mark.parametrize('name', BRANCHED)
def test_streams_of_one_recipe_build_with_their_branches(name, runner_of):
    runner = runner_of(name)
    model = runner.model
    assert isinstance(model, Distillation)
    assert type(runner.optim_wrapper) is OptimWrapper
    changed = learners([runner.optim_wrapper])
    assert changed == {id(parameter) for parameter in model.parameters()}
    assert set(schedules(runner).values()) == {MultiStepLR}
    streams = {n: stream.model for n, stream in model.all_streams.items()}
    found = {name: len(getattr(own, 'branches', ())) for name, own in streams.items()}
    assert found == BRANCHED[name]


@pytest.mark.parametrize('name', OTHERS)
def test_other_methods_build_and_every_transfer_has_its_dry_run(name, runner_of):
    """Building runs each stream and each transfer once on random inputs."""
    runner = runner_of(name)
    model = runner.model
    assert isinstance(model, Distillation)
    changed = learners([runner.optim_wrapper])
    assert changed == {id(parameter) for parameter in model.parameters()}
    frozen = set(model.all_streams) - set(model.streams)
    assert {t.learner for t in model.transfers.values()} == set(model.streams)
    assert frozen == {n for n in frozen if n in ('teacher', 'second')}


@pytest.mark.parametrize('name', ALONE)
def test_baselines_build_as_plain_models(name, runner_of):
    runner = runner_of(name)
    assert isinstance(runner.model, BaseModel)
    assert not isinstance(runner.model, Distillation)
    assert type(runner.optim_wrapper) is OptimWrapper
    assert set(schedules(runner).values()) == {ALONE[name]}
