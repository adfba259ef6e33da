# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillations that are written by hand, on a library's own config."""

from pathlib import Path
from typing import Any, Callable

import pytest
from mmengine.config import Config
from mmengine.runner import Runner

from dynkd.utils.cli import build_runner

FOLDER = Path(__file__).resolve().parent
#: Nothing of hooks, optimizers, loops or metrics, which come by themselves.
FIVE_LINES = """
_base_ = 'mmpretrain::resnet/resnet18_8xb32_in1k.py'
custom_imports = dict(imports=['dynkd'], allow_failed_imports=False)
pair = dict(teacher='mmpretrain::resnet/resnet34_8xb32_in1k.py', student=dict(model=_base_.model))
kld = {f'loss_{t}': dict(source=f'{s}.head', target=f'{t}.head', loss=dict(type='KLDLoss')) for s, t in (pair, [*pair][::-1])}
model = dict(_delete_=True, type='dynkd.Distillation', streams=pair, transfers=kld)
"""  # noqa: E501
BASE = '\n'.join(FIVE_LINES.splitlines()[:3])


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The module that makes tiny data, which are made where the configs look."""
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.chdir(tmp_path)
    import own_data

    own_data.write_imagenet(tmp_path / 'data')
    return own_data


def test_five_lines_train_validate_and_export(data, tmp_path):
    (tmp_path / 'five_lines.py').write_text(FIVE_LINES)
    cfg = Config.fromfile(tmp_path / 'five_lines.py')
    # As an inherited config may name the best.
    cfg.default_hooks.checkpoint.save_best = 'auto'
    for name, stream in cfg.model.streams.items():
        own = stream if isinstance(stream, dict) else dict(config=stream)
        cfg.model.streams[name] = dict(own, input_shape=(3, 64, 64))
    data.shrink(cfg, 64)
    cfg.work_dir = str(tmp_path / 'run')
    runner = build_runner(cfg)
    runner.train()
    # Both from scratch: the one optimizer has the weights of both.
    groups = runner.optim_wrapper.optimizer.param_groups
    optimised = {id(own) for group in groups for own in group['params']}
    for stream in ('teacher', 'student'):
        own = {id(p) for p in runner.model.stream(stream).model.parameters()}
        assert own <= optimised
    assert set(runner.val_loop.evaluator.evaluators) == {'teacher', 'student'}
    files = {path.name for path in (tmp_path / 'run').iterdir()}
    assert {'student.pth', 'student.py', 'teacher.pth'} <= files
    assert 'best_student_accuracy_top1_epoch_1.pth' in files


# ------------------------------------------------------- models of different kinds


def vit() -> dict:
    """A Vision Transformer of 4 blocks, with 17 tokens of 32 x 32 pixels."""
    arch = dict(embed_dims=16, num_layers=4, num_heads=2, feedforward_channels=16)
    return dict(
        type='ImageClassifier',
        backbone=dict(type='VisionTransformer', arch=arch, img_size=32, patch_size=8),
        head=dict(type='VisionTransformerClsHead', num_classes=1000, in_channels=16),
    )


def cnn(backbone: dict, channels: int) -> dict:
    """A classifier with a backbone of maps."""
    return dict(
        type='ImageClassifier',
        backbone=backbone,
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', num_classes=1000, in_channels=channels),
    )


def resnet() -> dict:
    """A ResNet-18 whose second stage has as many positions and channels as the ViT."""
    own = dict(type='ResNet', depth=18, base_channels=8, stem_channels=8)
    return cnn(own, 64)


def regnet() -> dict:
    """4 stages, 64 channels."""
    arch = dict(w0=8, wa=8.0, wm=2.0, group_w=4, depth=6, bot_mul=1)
    return cnn(dict(type='RegNet', arch=arch), 64)


def mobilenet() -> dict:
    """5 stages, 288 channels."""
    return cnn(dict(type='MobileNetV3', arch='small_050'), 288)


@pytest.fixture
def train(data, tmp_path) -> Callable[..., tuple[Runner, set[str]]]:
    """Train a pair on images of 32 x 32; return the runner, and the losses logged."""

    def train(teacher: dict, student: dict, transfers: dict, **more: Any) -> tuple:
        (tmp_path / 'base.py').write_text(BASE)
        cfg = Config.fromfile(tmp_path / 'base.py')
        streams = dict(teacher=teacher, student=student)
        cfg.model = dict(
            type='dynkd.Distillation',
            streams={
                name: dict(model=own, input_shape=(3, 32, 32), **more)
                for name, own in streams.items()
            },
            transfers=transfers,
        )
        data.shrink(cfg, 32, batch=4)
        for split in ('train', 'val', 'test'):
            for step in cfg[f'{split}_dataloader'].dataset.pipeline:
                for key in ('scale', 'crop_size'):
                    if key in step:
                        step[key] = 32
        cfg.work_dir = str(tmp_path / 'run')
        runner = build_runner(cfg)
        runner.train()
        scalars = runner.message_hub.log_scalars
        assert {'val/student/accuracy/top1', 'val/teacher/accuracy/top1'} <= set(
            scalars
        )
        assert (tmp_path / 'run' / 'student.pth').is_file()
        losses = {key.removeprefix('train/') for key in scalars if 'loss' in key}
        return runner, losses

    return train


EKD = dict(loss_ekd=dict(type='EvolutionaryTransfers'))
GUIDED = dict(branches=dict(module=dict(type='GuidedModule')))


@pytest.mark.parametrize(
    ('teacher', 'student', 'counts'),
    [(vit, resnet, (3, 3)), (resnet, vit, (3, 3)), (regnet, mobilenet, (3, 4))],
)
def test_ekd_between_other_stages_and_widths(train, teacher, student, counts):
    runner, losses = train(teacher(), student(), EKD, **GUIDED)
    for name, count in zip(('teacher', 'student'), counts):
        own = [f'{name}/branches.{index}.loss' for index in range(count)]
        assert len(runner.model.stream(name).branches) == count
        assert set(own) <= losses
    assert {'loss_ekd_cross_kl', 'loss_ekd_cross_l2'} <= losses


PRIOR = dict(
    type='PriorKnowledge',
    student_channels=16,
    teacher_channels=16,
    grid_size=4,
    embed_dims=16,
    encoder_depth=1,
    decoder_depth=1,
    num_heads=2,
)
DPK = dict(connector=PRIOR, loss=dict(type='FeatureLoss'))
EMD = dict(loss=dict(type='EMDLoss', layout='spatial'))
BLOCK, STAGE = 'backbone.layers.3', 'backbone.layer2'


def test_dpk_from_tokens_to_maps(train):
    transfer = dict(source=f'teacher.{BLOCK}', target=f'student.{STAGE}', **DPK)
    _, losses = train(vit(), resnet(), dict(loss_dpk=transfer))
    assert 'loss_dpk' in losses


def test_emd_from_maps_to_tokens(train):
    transfer = dict(source=f'teacher.{STAGE}', target=f'student.{BLOCK}', **EMD)
    _, losses = train(resnet(), vit(), dict(loss_emd=transfer))
    assert 'loss_emd' in losses
