# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Constructors of the libraries build each stream's optimizer as the plain model's."""

from typing import Any

import pytest
import torch
from mmaction.structures import ActionDataSample
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import DefaultScope

from dynkd.compat.plain_parts import CONSTRUCTORS
from dynkd.engine.settings import stream_optimizers

SGD = dict(type='SGD', lr=1.0, weight_decay=0.1)
SHAPE = (3, 2, 32, 32)


def vit() -> dict:
    arch = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=16)
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(type='VisionTransformer', arch=arch, img_size=32, patch_size=16),
        head=dict(type='VisionTransformerClsHead', num_classes=5, in_channels=16),
    )


def convnext(fcos: Any) -> dict:
    model = fcos()
    model['backbone'] = dict(
        type='mmpretrain.ConvNeXt',
        arch=dict(depths=[1, 1, 3, 1], channels=[8, 8, 8, 8]),
        out_indices=[0, 1, 2, 3],
        gap_before_final_norm=False,
    )
    model['neck']['in_channels'] = [8] * 4
    return model


def mvit() -> dict:
    arch = dict(embed_dims=8, num_layers=2, num_heads=1, downscale_indices=[1])
    backbone = dict(
        type='MViT', arch=arch, spatial_size=32, temporal_size=4, out_scales=[1]
    )
    head = dict(type='MViTHead', in_channels=16, num_classes=5)
    return dict(type='mmaction.Recognizer3D', backbone=backbone, cls_head=head)


def tsm() -> dict:
    backbone = dict(type='ResNet', depth=18, pretrained=None)
    head = dict(type='TSNHead', in_channels=512, num_classes=5)
    return dict(type='mmaction.Recognizer2D', backbone=backbone, cls_head=head)


def convnext_segmentor(segmentor: Any) -> dict:
    model = segmentor(auxiliary_head=None)
    model['backbone'] = convnext(lambda: dict(neck={}))['backbone']
    model['decode_head']['in_channels'] = 8
    return model


@pytest.fixture
def case(request, fcos, segmentor):
    """A constructor, its settings, and a model that it is for."""
    decay = dict(num_layers=6, decay_rate=0.5, decay_type='layer_wise')
    return dict(
        classifier=(f'mmpretrain.{CONSTRUCTORS[0]}', dict(layer_decay_rate=0.5), vit),
        detector=(f'mmdet.{CONSTRUCTORS[1]}', decay, lambda: convnext(fcos)),
        recognizer=(f'mmaction.{CONSTRUCTORS[1]}', dict(decay, num_layers=2), mvit),
        segmentor=(
            f'mmseg.{CONSTRUCTORS[1]}',
            decay,
            lambda: convnext_segmentor(segmentor),
        ),
        swin=(
            f'mmaction.{CONSTRUCTORS[2]}',
            dict(cls_head=dict(lr_mult=10.0)),
            mvit,
        ),
        tsm=(f'mmaction.{CONSTRUCTORS[3]}', dict(fc_lr5=True), tsm),
    )[request.param]


def rates(wrapper: Any, model: Any) -> dict[str, tuple[float, float]]:
    """The learning rate and weight decay of each parameter."""
    names = {id(weight): name for name, weight in model.named_parameters()}
    return {
        names[id(weight)]: (group['lr'], group['weight_decay'])
        for group in wrapper.optimizer.param_groups
        for weight in group['params']
    }


@pytest.mark.parametrize(
    'case',
    ['classifier', 'detector', 'recognizer', 'segmentor', 'swin', 'tsm'],
    indirect=True,
)
def test_rates_are_those_of_the_plain_model(build, case):
    kind, paramwise, config = case
    streams = {name: dict(model=config()) for name in ('teacher', 'student')}
    for own in streams.values():
        own['input_shape'] = SHAPE
    model = build(streams=streams)
    cfg = dict(
        type='OptimWrapper',
        constructor=kind,
        optimizer=dict(SGD),
        paramwise_cfg=paramwise,
    )
    placed = ConfigDict(cfg, **stream_optimizers(cfg, list(model.streams), {}))
    library = kind.partition('.')[0]
    with DefaultScope.overwrite_default_scope(library):
        plain = MMENGINE_MODELS.build(ConfigDict(config()))
        expected = rates(build_optim_wrapper(plain, ConfigDict(cfg)), plain)
        wrappers = build_optim_wrapper(model, placed)
    assert len(set(expected.values())) > 1
    for name in ('teacher', 'student'):
        assert rates(wrappers[name], model.stream(name).model) == expected


def test_what_transfers_learn_beside_a_tsm(build):
    """mmaction's constructor raises the rate of the last layer: the head's, and not a
    connector's; and knows no layers but convolutions, linear and norm layers."""
    stage = 'backbone.layer2'
    aligner = dict(type='ChannelAligner', in_channels=128, out_channels=128)
    prior = dict(
        type='PriorKnowledge', student_channels=128, teacher_channels=128, grid_size=4
    )
    parts = dict(
        loss_fitnets=dict(target_connector=aligner, loss=dict(type='FeatureLoss')),
        loss_dpk=dict(connector=prior, loss=dict(type='FeatureLoss')),
        loss_vid=dict(
            loss=dict(type='VIDLoss', target_channels=128, source_channels=128)
        ),
    )
    taps = dict(source=f'teacher.{stage}', target=f'student.{stage}')
    shape = (2, 3, 32, 32)
    streams = {name: dict(model=tsm(), input_shape=shape) for name in ('a', 'b')}
    model = build(
        teacher=dict(streams['a'], frozen=True),
        student=streams['b'],
        transfers={name: dict(taps, **part) for name, part in parts.items()},
    )
    kind = f'mmaction.{CONSTRUCTORS[3]}'
    cfg = dict(
        type='OptimWrapper',
        constructor=kind,
        optimizer=dict(SGD),
        paramwise_cfg=dict(fc_lr5=True),
    )
    placed = ConfigDict(cfg, **stream_optimizers(cfg, ['student'], {}))
    with DefaultScope.overwrite_default_scope('mmaction'):
        plain = MMENGINE_MODELS.build(ConfigDict(tsm()))
        expected = rates(build_optim_wrapper(plain, ConfigDict(cfg)), plain)
        wrappers = build_optim_wrapper(model, placed)
    found = rates(wrappers['student'], model)
    own = {n: rate for n, rate in found.items() if n.startswith('transfers.')}
    assert set(own) == {n for n, _ in model.transfers.named_parameters('transfers')}
    assert set(own.values()) == {(1.0, 0.1)}
    start = 'streams.student.'
    assert expected == {
        n.removeprefix(start): rate for n, rate in found.items() if n.startswith(start)
    }
    inputs = [torch.randint(0, 256, shape, dtype=torch.uint8) for _ in range(4)]
    samples = [ActionDataSample().set_gt_label(label) for label in range(4)]
    conv = model.transfers['loss_fitnets'].target_connector.layers[0].conv
    before = conv.weight.clone()
    losses = model.train_step(dict(inputs=inputs, data_samples=samples), wrappers)
    assert set(parts) <= set(losses) and not torch.equal(before, conv.weight)
