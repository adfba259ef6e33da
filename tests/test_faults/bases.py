# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Tiny configs that work, one of each method: what bad inputs are changes of."""

from typing import Any

import numpy as np
import torch
from mmengine.dataset import BaseDataset
from mmengine.registry import DATASETS

import dynkd  # noqa: F401  # registers and repairs

CLASSES = 5


@DATASETS.register_module(name='FaultImages', force=True)
class FaultImages(BaseDataset):
    """Labelled images of noise.

    Args:
        labels (int): How many labels there are. Defaults to 5.
        broken (bool): Whether an image is a file of zero bytes. Defaults to False.
        size (int): Height and width of an image. Defaults to 32.
        library (str): Whose samples they are: ``'mmpretrain'``, ``'mmdet'`` or
            ``'mmaction'``.
    """

    METAINFO = dict(classes=tuple('abcde'))

    def __init__(
        self,
        labels: int = CLASSES,
        broken: bool = False,
        size: int = 32,
        library: str = 'mmpretrain',
    ) -> None:
        self.labels, self.broken, self.library = labels, broken, library
        self.size = size
        super().__init__(serialize_data=False)

    def load_data_list(self) -> list[dict]:
        return [dict(gt_label=index % self.labels) for index in range(8)]

    def prepare_data(self, idx: int) -> dict[str, Any]:
        if self.broken:
            return self._broken()
        shape = (3, self.size, self.size)
        if self.library == 'mmaction':
            shape = (2, 3, 8, 32, 32)
        image = torch.from_numpy(np.random.RandomState(idx).randint(0, 256, shape))
        return dict(inputs=image.float(), data_samples=self._sample(idx))

    def _broken(self) -> None:
        import os
        import tempfile

        from mmcv.transforms import LoadImageFromFile

        path = os.path.join(tempfile.mkdtemp(), 'broken.png')
        open(path, 'w').close()
        LoadImageFromFile()(dict(img_path=path))

    def _sample(self, idx: int) -> Any:
        label = self.get_data_info(idx)['gt_label']
        if self.library == 'mmdet':
            from mmdet.structures import DetDataSample
            from mmengine.structures import InstanceData

            sample = DetDataSample(metainfo=dict(img_shape=(32, 32), img_id=idx))
            sample.gt_instances = InstanceData(
                bboxes=torch.tensor([[4.0, 4.0, 28.0, 30.0]]),
                labels=torch.tensor([label]),
            )
            return sample
        if self.library == 'mmaction':
            from mmaction.structures import ActionDataSample

            return ActionDataSample().set_gt_label(label)
        from mmpretrain.structures import DataSample

        return DataSample(metainfo=dict(sample_idx=idx)).set_gt_label(label)


_NORMALISED = dict(mean=[127.5] * 3, std=[63.75] * 3)


def classifier(depth: int = 8) -> dict:
    """A residual network of few layers."""
    return dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(
            type='dynkd.ResNet6nPlus2', depth=depth, stem_channels=4, base_channels=4
        ),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(
            type='LinearClsHead',
            num_classes=CLASSES,
            in_channels=16,
            loss=dict(type='CrossEntropyLoss', loss_weight=1.0),
        ),
        data_preprocessor=dict(_NORMALISED, num_classes=CLASSES),
    )


def detector() -> dict:
    """An FCOS on a narrow ResNet-18."""
    return dict(
        type='mmdet.FCOS',
        data_preprocessor=dict(type='DetDataPreprocessor', **_NORMALISED),
        backbone=dict(
            type='ResNet',
            depth=18,
            base_channels=4,
            num_stages=2,
            strides=(1, 2),
            dilations=(1, 1),
            out_indices=(0, 1),
        ),
        neck=dict(type='FPN', in_channels=[4, 8], out_channels=8, num_outs=2),
        bbox_head=dict(
            type='FCOSHead',
            num_classes=CLASSES,
            in_channels=8,
            feat_channels=8,
            stacked_convs=1,
            strides=[4, 8],
            regress_ranges=((-1, 32), (32, 1e8)),
            norm_cfg=dict(type='GN', num_groups=4),
        ),
    )


def recognizer() -> dict:
    """A narrow 3D ResNet-18."""
    return dict(
        type='mmaction.Recognizer3D',
        backbone=dict(
            type='ResNet3d',
            pretrained=None,
            pretrained2d=False,
            depth=18,
            base_channels=4,
            conv1_kernel=(3, 3, 3),
            inflate=(0, 0, 0, 0),
        ),
        cls_head=dict(type='I3DHead', num_classes=CLASSES, in_channels=32),
        data_preprocessor=dict(
            type='ActionDataPreprocessor', format_shape='NCTHW', **_NORMALISED
        ),
    )


def stream(depth: int = 8, **fields: Any) -> dict:
    """A stream of a classifier."""
    return dict(model=classifier(depth), input_shape=(3, 32, 32), **fields)


def _transfer(source: str, target: str, loss: dict, **fields: Any) -> dict:
    return dict(source=source, target=target, loss=loss, **fields)


def _kld(source: str, target: str) -> dict:
    return _transfer(f'{source}.head', f'{target}.head', dict(type='KLDLoss'))


def dkd() -> dict:
    """Two streams that learn from each other, after a static phase."""
    backbones = ('teacher.backbone', 'student.backbone')
    weight = dict(type='LinearSchedule', start=0.0, stop=1.0, end=2)
    return dict(
        type='dynkd.Distillation',
        streams=dict(teacher=stream(), student=stream()),
        transfers=dict(
            loss_emd=_transfer(*backbones, dict(type='EMDLoss', layout='channel')),
            loss_mmd=_transfer(*backbones, dict(type='MMDLoss', layout='channel')),
            loss_mse=_transfer(
                *backbones,
                dict(type='FeatureLoss', loss_weight=weight),
                target_connector=dict(
                    type='ChannelAligner', in_channels=16, out_channels=16
                ),
            ),
            loss_kld=_kld('teacher', 'student'),
            loss_back=_kld('student', 'teacher'),
        ),
        phases=[
            dict(
                name='static',
                frozen=['teacher'],
                transfers=['loss_emd', 'loss_mmd', 'loss_mse', 'loss_kld'],
            ),
            dict(name='dynamic', begin=1),
        ],
    )


def ekd() -> dict:
    """Two streams with guided modules."""

    def guided() -> dict:
        branches = dict(module=dict(type='GuidedModule'))
        return dict(stream(branches=branches), input_shape=(3, 4, 4))

    return dict(
        type='dynkd.Distillation',
        streams=dict(teacher=guided(), student=guided()),
        transfers=dict(loss_ekd=dict(type='EvolutionaryTransfers')),
    )


def dpk() -> dict:
    """A detector that is given its frozen teacher's features."""
    teacher, student = (
        dict(model=detector(), input_shape=(3, 32, 32)) for _ in range(2)
    )
    connector = dict(
        type='PriorKnowledge',
        student_channels=8,
        teacher_channels=8,
        embed_dims=8,
        grid_size=4,
        encoder_depth=1,
        decoder_depth=1,
        num_heads=2,
        ratio=dict(type='CKARatio'),
    )
    loss = dict(type='FGDLoss', foreground=1e-3, background=1e-4)
    return dict(
        type='dynkd.Distillation',
        streams=dict(teacher=dict(teacher, frozen=True), student=student),
        transfers=dict(
            loss_dpk=_transfer(
                'teacher.neck[1]', 'student.neck[1]', loss, connector=connector
            )
        ),
    )


def iakd() -> dict:
    """A student in which blocks of a frozen teacher take part."""
    return dict(
        type='dynkd.InteractiveDistillation',
        streams=dict(teacher=stream(20, frozen=True), student=stream(14)),
        interaction=dict(probability=dict(type='ReviewSchedule', start=0.1)),
        transfers=dict(loss_hkd=dict(type='NonInteractiveTransfers', probability=0.5)),
    )


def dtskd() -> dict:
    """A student that learns from its past, and from its deeper layers."""
    return dict(
        type='dynkd.Distillation',
        streams=dict(
            student=stream(branches=dict(module=dict(type='MixedFusionModule')))
        ),
        transfers=dict(loss_dual=dict(type='DualTeacherTransfers')),
        stores=dict(history=dict()),
    )


def video() -> dict:
    """A recognizer that learns from a frozen one."""
    teacher, student = (
        dict(model=recognizer(), input_shape=(1, 3, 4, 32, 32)) for _ in range(2)
    )
    loss = dict(type='KLDLoss')
    return dict(
        type='dynkd.Distillation',
        streams=dict(teacher=dict(teacher, frozen=True), student=student),
        transfers=dict(
            loss_kld=_transfer('teacher.cls_head', 'student.cls_head', loss)
        ),
    )


_MODELS = dict(dkd=dkd, ekd=ekd, dpk=dpk, iakd=iakd, dtskd=dtskd, video=video)
_SIZES = dict(ekd=4)
_LIBRARIES = dict(dpk='mmdet', video='mmaction')


def config(name: str) -> dict[str, Any]:
    """The config of a training that works.

    Args:
        name (str): The method, or ``'video'``.

    Returns:
        dict: The config; its work directory is left to the caller.
    """
    library = _LIBRARIES.get(name, 'mmpretrain')
    loader = dict(
        batch_size=4,
        num_workers=0,
        dataset=dict(type='FaultImages', library=library, size=_SIZES.get(name, 32)),
        collate_fn=dict(type='pseudo_collate'),
    )
    cfg: dict[str, Any] = dict(
        model=_MODELS[name](),
        train_dataloader=dict(
            loader, sampler=dict(type='DefaultSampler', shuffle=True)
        ),
        train_cfg=dict(by_epoch=True, max_epochs=3),
        optim_wrapper=dict(
            constructor='dynkd.StreamOptimWrapperConstructor',
            type='OptimWrapper',
            optimizer=dict(type='SGD', lr=0.01),
        ),
        default_hooks=dict(checkpoint=dict(type='dynkd.CheckpointHook')),
        randomness=dict(seed=3),
        default_scope=library,
        log_level='WARNING',
    )
    if name == 'dkd':
        cfg.update(
            val_dataloader=dict(
                loader, sampler=dict(type='DefaultSampler', shuffle=False)
            ),
            val_cfg=dict(type='dynkd.StreamValLoop'),
            val_evaluator=dict(type='Accuracy', topk=(1,)),
        )
        cfg['default_hooks']['checkpoint']['save_best'] = 'student/accuracy/top1'
    return cfg
