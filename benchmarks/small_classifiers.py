# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Classifiers of random images of 32x32, and steps of their training."""

import argparse
import copy
from typing import Any

import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODELS as MMENGINE_MODELS
from mmengine.registry import init_default_scope
from mmpretrain.structures import DataSample
from side_by_side import Step

from dynkd.engine.optimizers import StreamOptimWrapperConstructor
from dynkd.registry import MODELS

CLASSES = 100
SAMPLES = 50_000
OPTIMIZER = dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4)


def prepare(args: argparse.Namespace) -> list[dict]:
    """Set up the process, and make batches as MMPretrain's data loader gives them.

    Args:
        args (Namespace): The options ``threads``, ``seed`` and ``batch``; and ``size``,
            the side of the images, 32 without it.

    Returns:
        list[dict]: Four batches of random images and labels.
    """
    torch.set_num_threads(args.threads)
    init_default_scope('mmpretrain')
    MMLogger.get_instance('step', log_level='ERROR')
    MessageHub.get_instance('step').update_info('max_epochs', 10)
    generator = torch.Generator().manual_seed(args.seed)
    size = getattr(args, 'size', 32)
    return [_batch(args.batch, size, generator) for _ in range(4)]


def _batch(count: int, side: int, generator: torch.Generator) -> dict[str, Any]:
    """A batch of so many square images."""
    shape = (count, 3, side, side)
    images = torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, CLASSES, (count,), generator=generator)
    indices = torch.randint(0, SAMPLES, (count,), generator=generator)
    samples = [DataSample().set_gt_label(label) for label in labels]
    for index, sample in zip(indices.tolist(), samples):
        sample.set_metainfo(dict(sample_idx=index))
    return dict(inputs=images, data_samples=samples)


def classifier(channels: int, **backbone: Any) -> dict[str, Any]:
    """Config of a classifier of MMPretrain.

    Args:
        channels (int): Channels that the backbone gives.
        **backbone: The backbone.

    Returns:
        dict: The config.
    """
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=backbone,
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=CLASSES,
            in_channels=channels,
            loss=dict(type='CrossEntropyLoss'),
        ),
        data_preprocessor=dict(mean=[127.5] * 3, std=[63.75] * 3, num_classes=CLASSES),
    )


def resnet18(width: int) -> dict[str, Any]:
    """Config of a ResNet-18 of MMPretrain for small images.

    Args:
        width (int): Channels of its first stage.

    Returns:
        dict: The config.
    """
    backbone = dict(depth=18, stem_channels=width, base_channels=width)
    return classifier(8 * width, type='ResNet_CIFAR', **backbone)


def plain(model: dict[str, Any], seed: int) -> Step:
    """A training step of one model by itself.

    Args:
        model (dict): Its config.
        seed (int): Of its weights.

    Returns:
        callable: The step, of a batch.
    """
    torch.manual_seed(seed)
    built = MMENGINE_MODELS.build(copy.deepcopy(model)).train()
    built.init_weights()
    wrapper = build_optim_wrapper(built, dict(optimizer=OPTIMIZER))
    return lambda batch: built.train_step(batch, wrapper)


def distillation(
    seed: int, kind: str = 'dynkd.Distillation', **cfg: Any
) -> torch.nn.Module:
    """Build a distillation of such classifiers, ready to be trained.

    Args:
        seed (int): Of its weights.
        kind (str): Its type. Defaults to ``'dynkd.Distillation'``.
        **cfg: Its other arguments.

    Returns:
        nn.Module: The model.
    """
    cfg = copy.deepcopy(cfg)
    for stream in cfg['streams'].values():
        stream['input_shape'] = (3, 32, 32)
    torch.manual_seed(seed)
    model = MODELS.build(dict(type=kind, **cfg))
    model.init_weights()
    for store in model.stores.values():
        store.open(SAMPLES, 'random images')
    return model.train()


def step_of(model: torch.nn.Module) -> Step:
    """A training step of a distillation.

    Args:
        model (nn.Module): The distillation.

    Returns:
        callable: The step, of a batch.
    """
    wrapper = StreamOptimWrapperConstructor(dict(optimizer=OPTIMIZER))(model)
    return lambda batch: model.train_step(batch, wrapper)
