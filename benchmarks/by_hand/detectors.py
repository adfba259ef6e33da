# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DKD between detectors: FCOS, and Faster R-CNN on shared proposals."""

import copy
from typing import Any

import torch
from mmdet.models.utils import unpack_gt_instances
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox2roi
from mmengine.structures import InstanceData
from torch import Tensor, nn

from dynkd.registry import MODELS

from .step import ByHand, kld, prefixed

#: Side of the images, and boxes in each.
SIDE, BOXES, CLASSES = 128, 20, 3
_CHANNELS, _STRIDES = 8, [4, 8, 16, 32, 64]


def batches(count: int, seed: int) -> list[dict[str, Any]]:
    """Two batches of so many images, as MMDetection's data loader gives them."""
    generator = torch.Generator().manual_seed(seed)
    return [_batch(count, generator) for _ in range(2)]


def _batch(count: int, generator: torch.Generator) -> dict[str, Any]:
    """A batch of random images and boxes."""
    images, samples = [], []
    for _ in range(count):
        shape = (3, SIDE, SIDE)
        images.append(
            torch.randint(0, 256, shape, generator=generator, dtype=torch.uint8)
        )
        corners = torch.rand(BOXES, 2, 2, generator=generator) * 0.8 * SIDE
        boxes = torch.cat([corners.amin(1), corners.amax(1) + 0.1 * SIDE], 1)
        labels = torch.randint(0, CLASSES, (BOXES,), generator=generator)
        size = (SIDE, SIDE)
        meta = dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0))
        sample = DetDataSample(metainfo=meta)
        sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)


def _body(num_outs: int) -> dict[str, Any]:
    """Preprocessor, backbone and neck of a small detector."""
    return dict(
        data_preprocessor=dict(
            type='DetDataPreprocessor', mean=[127.5] * 3, std=[63.75] * 3
        ),
        backbone=dict(
            type='ResNet', depth=18, base_channels=4, zero_init_residual=False
        ),
        neck=dict(
            type='FPN',
            in_channels=[4, 8, 16, 32],
            out_channels=_CHANNELS,
            start_level=5 - num_outs,
            num_outs=num_outs,
        ),
    )


def _fcos_model() -> dict[str, Any]:
    """Config of a small FCOS of four levels."""
    return dict(
        type='mmdet.FCOS',
        **_body(4),
        bbox_head=dict(
            type='FCOSHead',
            num_classes=CLASSES,
            in_channels=_CHANNELS,
            feat_channels=_CHANNELS,
            stacked_convs=1,
            strides=_STRIDES[1:],
            regress_ranges=((-1, 32), (32, 64), (64, 128), (128, 1e8)),
            norm_cfg=dict(type='GN', num_groups=4),
        ),
    )


def _faster_rcnn_model() -> dict[str, Any]:
    """Config of a small Faster R-CNN."""
    coder = dict(
        type='DeltaXYWHBBoxCoder', target_means=[0.0] * 4, target_stds=[0.1] * 4
    )
    assigner = dict(
        type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.5, min_pos_iou=0.1
    )
    sampler = dict(
        type='RandomSampler',
        num=32,
        pos_fraction=0.5,
        neg_pos_ub=-1,
        add_gt_as_proposals=False,
    )
    train = dict(assigner=assigner, sampler=sampler, pos_weight=-1)
    nms = dict(nms_pre=100, max_per_img=50, nms=dict(type='nms', iou_threshold=0.7))
    anchors = dict(
        type='AnchorGenerator', scales=[4], ratios=[0.5, 2.0], strides=_STRIDES
    )
    return dict(
        type='mmdet.FasterRCNN',
        **_body(5),
        rpn_head=dict(
            type='RPNHead',
            in_channels=_CHANNELS,
            feat_channels=_CHANNELS,
            anchor_generator=anchors,
            bbox_coder=coder,
            loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True),
            loss_bbox=dict(type='L1Loss'),
        ),
        roi_head=dict(
            type='StandardRoIHead',
            bbox_roi_extractor=dict(
                type='SingleRoIExtractor',
                roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
                out_channels=_CHANNELS,
                featmap_strides=_STRIDES[:4],
            ),
            bbox_head=dict(
                type='Shared2FCBBoxHead',
                in_channels=_CHANNELS,
                fc_out_channels=16,
                roi_feat_size=7,
                num_classes=CLASSES,
                bbox_coder=coder,
            ),
        ),
        train_cfg=dict(
            rpn=dict(train, allowed_border=-1),
            rpn_proposal=dict(nms, min_bbox_size=0),
            rcnn=dict(train, sampler=dict(sampler, add_gt_as_proposals=True)),
        ),
        test_cfg=dict(
            rpn=dict(nms, min_bbox_size=0),
            rcnn=dict(score_thr=0.05, nms=nms['nms'], max_per_img=10),
        ),
    )


def _built(seed: int, streams: dict, transfers: dict) -> nn.Module:
    """A distillation, ready to be trained."""
    cfg = dict(type='dynkd.Distillation', streams=streams, transfers=transfers)
    torch.manual_seed(seed)
    model = MODELS.build(copy.deepcopy(cfg))
    model.init_weights()
    return model.train()


def fcos(seed: int) -> nn.Module:
    """Both learn: class predictions both ways, the student from a level's features."""
    loss = dict(type='KLDLoss', activation='sigmoid', loss_weight=0.1)
    emd = dict(type='EMDLoss', layout='spatial', loss_weight=0.01)
    heads = {name: f'{name}.bbox_head[0]' for name in ('teacher', 'student')}
    transfers = dict(
        loss_student=dict(source=heads['teacher'], target=heads['student'], loss=loss),
        loss_teacher=dict(source=heads['student'], target=heads['teacher'], loss=loss),
        loss_emd=dict(source='teacher.neck[2]', target='student.neck[2]', loss=emd),
    )
    streams = {name: dict(model=_fcos_model()) for name in heads}
    return _built(seed, streams, transfers)


def faster_rcnn(seed: int) -> nn.Module:
    """Both learn, by the classes of the RoIs that the student samples."""
    loss = dict(type='KLDLoss', temperature=4.0)
    heads = {n: f'{n}.roi_head.bbox_head[0]' for n in ('teacher', 'student')}
    transfers = dict(
        loss_student=dict(source=heads['teacher'], target=heads['student'], loss=loss),
        loss_teacher=dict(source=heads['student'], target=heads['teacher'], loss=loss),
    )
    streams: dict[str, dict] = {n: dict(model=_faster_rcnn_model()) for n in heads}
    streams['teacher']['proposals'] = 'student'
    return _built(seed, streams, transfers)


class DenseDetectors(ByHand):
    """FCOS twice."""

    def losses(self, batch: dict[str, Any]) -> dict[str, Any]:
        """See :meth:`ByHand.losses`."""
        data = self.models['student'].data_preprocessor(batch, True)
        boxes, ignored, metas = unpack_gt_instances(data['data_samples'])
        losses: dict[str, Any] = {}
        levels, scores = {}, {}
        for name, model in self.models.items():
            levels[name] = model.extract_feat(data['inputs'])
            found = model.bbox_head(levels[name])
            own = model.bbox_head.loss_by_feat(*found, boxes, metas, ignored)
            losses.update(prefixed(name, own))
            scores[name] = found[0]
        detached = {name: [s.detach() for s in own] for name, own in scores.items()}
        for name, other in (('student', 'teacher'), ('teacher', 'student')):
            loss = self.transfers[f'loss_{name}'].loss
            losses[f'loss_{name}'] = loss(scores[name], detached[other])
        losses['loss_emd'] = self.transfers['loss_emd'].loss(
            levels['student'][2], levels['teacher'][2].detach()
        )
        return losses


class TwoStageDetectors(ByHand):
    """Faster R-CNN twice, the teacher's RoI head also on the student's RoIs."""

    def losses(self, batch: dict[str, Any]) -> dict[str, Any]:
        """See :meth:`ByHand.losses`."""
        data = self.models['student'].data_preprocessor(batch, True)
        samples = data['data_samples']
        losses: dict[str, Any] = {}
        student, teacher = self.models['student'], self.models['teacher']
        maps = student.extract_feat(data['inputs'])
        own, rois, logits = self._losses(student, maps, samples)
        losses.update(prefixed('student', own))
        maps = teacher.extract_feat(data['inputs'])
        losses.update(prefixed('teacher', self._losses(teacher, maps, samples)[0]))
        others = teacher.roi_head._bbox_forward(maps, rois)['cls_score']
        losses['loss_student'] = kld(logits, others)
        losses['loss_teacher'] = kld(others, logits)
        return losses

    @staticmethod
    def _losses(model: Any, maps: Any, samples: list) -> tuple[dict, Tensor, Tensor]:
        """The losses of a model, the RoIs that it samples, and their logits."""
        # The model's own `loss` copies them as deeply, for labels of its RPN.
        own = copy.deepcopy(samples)
        for sample in own:
            instances = sample.gt_instances
            instances.labels = torch.zeros_like(instances.labels)
        losses, proposals = model.rpn_head.loss_and_predict(
            maps, own, proposal_cfg=model.train_cfg.rpn_proposal
        )
        head = model.roi_head
        boxes, ignored, _ = unpack_gt_instances(samples)
        sampled = []
        for index, found in enumerate(proposals):
            found.priors = found.pop('bboxes')
            assigned = head.bbox_assigner.assign(found, boxes[index], ignored[index])
            features = [level[index][None] for level in maps]
            sampled.append(
                head.bbox_sampler.sample(assigned, found, boxes[index], feats=features)
            )
        rois = bbox2roi([result.priors for result in sampled])
        result = head._bbox_forward(maps, rois)
        roi_losses = head.bbox_head.loss_and_target(
            cls_score=result['cls_score'],
            bbox_pred=result['bbox_pred'],
            rois=rois,
            sampling_results=sampled,
            rcnn_train_cfg=head.train_cfg,
        )['loss_bbox']
        renamed = {k if 'rpn' in k else f'rpn_{k}': v for k, v in losses.items()}
        return {**renamed, **roi_losses}, rois, result['cls_score']
