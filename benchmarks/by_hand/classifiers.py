# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""KD, DKD and DPK between classifiers."""

from typing import Any

import torch
from small_classifiers import classifier, distillation
from torch import Tensor, nn

from dynkd.models.schedules import Progress

from .step import TAU, ByHand, kld, prefixed

KLD = dict(type='KLDLoss', temperature=TAU)


def tiny(depth: int = 8, channels: int = 1) -> dict[str, Any]:
    """Config of a classifier so small that it costs next to nothing."""
    return classifier(
        4 * channels,
        type='dynkd.ResNet6nPlus2',
        depth=depth,
        stem_channels=channels,
        base_channels=channels,
    )


def pair(frozen: bool, **model: int) -> dict[str, dict]:
    """Configs of the streams of a teacher and a student."""
    teacher = dict(model=tiny(**model), frozen=frozen)
    return dict(teacher=teacher, student=dict(model=tiny(**model)))


def transfer(source: str, target: str) -> dict[str, Any]:
    """Config of a transfer of class probabilities."""
    return dict(source=f'{source}.head', target=f'{target}.head', loss=KLD)


def kd(seed: int) -> nn.Module:
    """A frozen teacher, class probabilities."""
    transfers = dict(loss_student=transfer('teacher', 'student'))
    return distillation(seed, streams=pair(frozen=True), transfers=transfers)


def dkd(seed: int) -> nn.Module:
    """Both learn, class probabilities both ways."""
    transfers = dict(
        loss_student=transfer('teacher', 'student'),
        loss_teacher=transfer('student', 'teacher'),
    )
    return distillation(seed, streams=pair(frozen=False), transfers=transfers)


def dpk(seed: int) -> nn.Module:
    """A frozen teacher, encoders and decoder of one block."""
    channels = 2
    connector = dict(
        type='PriorKnowledge',
        student_channels=4 * channels,
        teacher_channels=4 * channels,
        embed_dims=16,
        num_heads=2,
        grid_size=8,
        encoder_depth=1,
        decoder_depth=1,
    )
    loss = dict(type='FeatureLoss', kind='mse', loss_weight=0.2)
    feature = dict(
        source='teacher.backbone[0]',
        target='student.backbone[0]',
        connector=connector,
        loss=loss,
    )
    transfers = dict(loss_dpk=feature, loss_student=transfer('teacher', 'student'))
    streams = pair(frozen=True, channels=channels)
    return distillation(seed, streams=streams, transfers=transfers)


class Classifiers(ByHand):
    """Class probabilities between two classifiers, in one direction or both."""

    def losses(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """See :meth:`ByHand.losses`."""
        data = self.models['student'].data_preprocessor(batch, True)
        samples = data['data_samples']
        maps, logits = {}, {}
        for name, model in self.models.items():
            with torch.set_grad_enabled(name in self.learners):
                maps[name] = model.backbone(data['inputs'])
                logits[name] = model.head(model.neck(maps[name]))
        losses = self.further(maps)
        for name, other in (('student', 'teacher'), ('teacher', 'student')):
            if name in self.learners:
                own = self.models[name].head._get_loss(logits[name], samples)
                losses.update(prefixed(name, own))
                losses[f'loss_{name}'] = kld(logits[name], logits[other])
        return losses

    def further(self, maps: dict[str, Any]) -> dict[str, Tensor]:
        """Losses of the backbones' outputs."""
        return {}


class PriorKnowledge(Classifiers):
    """DPK on the last map, beside class probabilities."""

    def further(self, maps: dict[str, Any]) -> dict[str, Tensor]:
        """See :meth:`Classifiers.further`."""
        transfer = self.transfers['loss_dpk']
        student, teacher = maps['student'][0], maps['teacher'][0]
        hybrid = transfer.connector(student, teacher, Progress())
        return dict(loss_dpk=transfer.loss(hybrid, teacher))
