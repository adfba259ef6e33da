# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tiny models and batches: what the tests of all parts distil with."""

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

MEAN, STD = [127.5] * 3, [63.75] * 3


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


# ---------------------------------------------------------------------- models


@pytest.fixture(scope='session')
def classifier() -> Callable[..., dict]:
    """Config of a ResNet-18 of MMPretrain, 8 channels wide."""

    def config(num_classes: int = 5, width: int = 8, **model: Any) -> dict:
        return dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(
                type='ResNet',
                depth=18,
                base_channels=width,
                stem_channels=width,
                out_indices=(2, 3),
                # Else the residual branches get no gradient in the first step.
                zero_init_residual=False,
            ),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(
                type='LinearClsHead',
                num_classes=num_classes,
                in_channels=8 * width,
                loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
            ),
            data_preprocessor=dict(
                mean=MEAN, std=STD, to_rgb=False, num_classes=num_classes
            ),
            **model,
        )

    return config


@pytest.fixture(scope='session')
def vision_transformer() -> Callable[..., dict]:
    """Config of a ViT of MMPretrain, of 65 tokens of 16 channels on 64 x 64 pixels."""

    def config(depth: int = 2, **backbone: Any) -> dict:
        arch = dict(
            embed_dims=16, num_layers=depth, num_heads=2, feedforward_channels=16
        )
        own = dict(type='VisionTransformer', arch=arch, img_size=64, patch_size=8)
        return dict(
            type='mmpretrain.ImageClassifier',
            backbone=dict(own, **backbone),
            head=dict(type='VisionTransformerClsHead', num_classes=5, in_channels=16),
            data_preprocessor=dict(mean=MEAN, std=STD, num_classes=5),
        )

    return config


def _det_preprocessor() -> dict:
    return dict(type='DetDataPreprocessor', mean=MEAN, std=STD, pad_size_divisor=32)


def _det_body(width: int, channels: int, num_outs: int) -> dict:
    return dict(
        backbone=dict(
            type='ResNet',
            depth=18,
            base_channels=width,
            num_stages=4,
            out_indices=(0, 1, 2, 3),
            style='pytorch',
            zero_init_residual=False,
        ),
        neck=dict(
            type='FPN',
            in_channels=[width, 2 * width, 4 * width, 8 * width],
            out_channels=channels,
            start_level=1 if num_outs == 3 else 0,
            num_outs=num_outs,
        ),
    )


@pytest.fixture(scope='session')
def fcos() -> Callable[..., dict]:
    """Config of an FCOS of MMDetection with three levels."""

    def config(num_classes: int = 3, channels: int = 16, width: int = 8) -> dict:
        return dict(
            type='mmdet.FCOS',
            data_preprocessor=_det_preprocessor(),
            **_det_body(width, channels, 3),
            bbox_head=dict(
                type='FCOSHead',
                num_classes=num_classes,
                in_channels=channels,
                feat_channels=channels,
                stacked_convs=1,
                strides=[8, 16, 32],
                regress_ranges=((-1, 32), (32, 64), (64, 1e8)),
                norm_cfg=dict(type='GN', num_groups=4),
            ),
            test_cfg=dict(
                nms_pre=20,
                score_thr=0.0,
                nms=dict(type='nms', iou_threshold=0.5),
                max_per_img=5,
            ),
        )

    return config


@pytest.fixture(scope='session')
def faster_rcnn() -> Callable[..., dict]:
    """Config of a Faster R-CNN of MMDetection that samples 16 RoIs an image."""
    assigner = dict(
        type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.1
    )
    sampler = dict(
        type='RandomSampler',
        num=16,
        pos_fraction=0.5,
        neg_pos_ub=-1,
        add_gt_as_proposals=True,
    )
    coder = dict(
        type='DeltaXYWHBBoxCoder', target_means=[0.0] * 4, target_stds=[0.1] * 4
    )
    nms = dict(type='nms', iou_threshold=0.7)

    def config(num_classes: int = 3, channels: int = 16, width: int = 8) -> dict:
        return dict(
            type='mmdet.FasterRCNN',
            data_preprocessor=_det_preprocessor(),
            **_det_body(width, channels, 5),
            rpn_head=dict(
                type='RPNHead',
                in_channels=channels,
                feat_channels=channels,
                anchor_generator=dict(
                    type='AnchorGenerator',
                    scales=[4],
                    ratios=[0.5, 2.0],
                    strides=[4, 8, 16, 32, 64],
                ),
                bbox_coder=coder,
                loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True),
                loss_bbox=dict(type='L1Loss'),
            ),
            roi_head=dict(
                type='StandardRoIHead',
                bbox_roi_extractor=dict(
                    type='SingleRoIExtractor',
                    roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
                    out_channels=channels,
                    featmap_strides=[4, 8, 16, 32],
                ),
                bbox_head=dict(
                    type='Shared2FCBBoxHead',
                    in_channels=channels,
                    fc_out_channels=16,
                    roi_feat_size=7,
                    num_classes=num_classes,
                    bbox_coder=coder,
                    reg_class_agnostic=False,
                    loss_cls=dict(type='CrossEntropyLoss'),
                    loss_bbox=dict(type='L1Loss'),
                ),
            ),
            train_cfg=dict(
                rpn=dict(
                    assigner=assigner, sampler=sampler, pos_weight=-1, allowed_border=-1
                ),
                rpn_proposal=dict(nms_pre=50, max_per_img=30, nms=nms, min_bbox_size=0),
                rcnn=dict(assigner=assigner, sampler=sampler, pos_weight=-1),
            ),
            test_cfg=dict(
                rpn=dict(nms_pre=50, max_per_img=10, nms=nms, min_bbox_size=0),
                rcnn=dict(score_thr=0.0, nms=nms, max_per_img=5),
            ),
        )

    return config


@pytest.fixture(scope='session')
def segmentor() -> Callable[..., dict]:
    """Config of a small segmentor of MMSegmentation, with logits of stride 8."""

    def config(num_classes: int = 4, width: int = 8, **model: Any) -> dict:
        pytest.importorskip('mmseg')
        head = dict(
            type='FCNHead',
            channels=width,
            num_convs=1,
            num_classes=num_classes,
            norm_cfg=dict(type='BN'),
        )
        return dict(
            dict(
                type='mmseg.EncoderDecoder',
                data_preprocessor=dict(
                    type='SegDataPreProcessor', mean=MEAN, std=STD, size_divisor=32
                ),
                backbone=dict(
                    type='ResNet',
                    depth=18,
                    base_channels=width,
                    stem_channels=width,
                    strides=(1, 2, 1, 1),
                    dilations=(1, 1, 2, 4),
                    zero_init_residual=False,
                ),
                decode_head=dict(head, in_channels=8 * width, in_index=3),
                auxiliary_head=[dict(head, in_channels=4 * width, in_index=2)],
                test_cfg=dict(mode='whole'),
            ),
            **model,
        )

    return config


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
