# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""EKD and DTSKD: classifiers with branches on their stages."""

import math
from itertools import combinations
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.logging import MessageHub
from small_classifiers import CLASSES, SAMPLES, distillation
from torch import Tensor, nn

from .classifiers import pair, tiny
from .step import ByHand, kld, prefixed

#: Epochs of the training, and of those the ones that are done.
EPOCHS, DONE = 10, 1
#: Weights of DTSKD: alpha_1 and alpha_2, and lambda of the head.
HISTORICAL, STRUCTURAL, HEAD = 0.2, 0.8, 3.0


def ekd(seed: int) -> nn.Module:
    """Both learn, a guided module on each stage."""
    streams = pair(frozen=False)
    for stream in streams.values():
        module = dict(type='GuidedModule', out_channels=4, expansion=2)
        stream['branches'] = dict(module=module)
    transfers = dict(loss_ekd=dict(type='EvolutionaryTransfers'))
    return distillation(seed, streams=streams, transfers=transfers)


def dtskd(seed: int) -> nn.Module:
    """A student alone, mixed fusion modules, and a store of the epoch before."""
    hub = MessageHub.get_current_instance()
    hub.update_info('max_epochs', EPOCHS)
    hub.update_info('epoch', DONE)
    branches = dict(module=dict(type='MixedFusionModule'), loss_weight=0.0)
    student = dict(model=tiny(), loss_weight=0.0, branches=branches)
    model = distillation(
        seed,
        streams=dict(student=student),
        stores=dict(history=dict(format='float32')),
        transfers=dict(loss_dtskd=dict(type='DualTeacherTransfers')),
    )
    model.stores['history'].end_epoch(DONE)
    return model


def stages_of(model: Any) -> None:
    """Let a backbone return all of its stages, which DynKD taps."""
    model.backbone.out_indices = tuple(range(len(model.backbone.res_layers)))


class Evolutionary(ByHand):
    """EKD's losses within and across two classifiers."""

    def __init__(self, distillation: Any) -> None:
        super().__init__(distillation)
        for model in self.models.values():
            stages_of(model)

    def losses(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """See :meth:`ByHand.losses`."""
        data = self.models['student'].data_preprocessor(batch, True)
        losses, logits, vectors = {}, {}, {}
        for name, model in self.models.items():
            maps = model.backbone(data['inputs'])
            pooled = model.neck(maps[-1:])
            head = model.head(pooled)
            own = [branch.features(m) for branch, m in zip(model.branches, maps)]
            vectors[name] = [*own, pooled[-1]]
            logits[name] = [b.fc(v) for b, v in zip(model.branches, own)] + [head]
            loss = model.head._get_loss(head, data['data_samples'])
            losses.update(prefixed(name, loss))
            labels = torch.cat([sample.gt_label for sample in data['data_samples']])
            for index, one in enumerate(logits[name][:-1]):
                losses[f'{name}/branches.{index}.loss'] = F.cross_entropy(one, labels)
            losses[f'loss_within_kl_{name}'] = sum(
                kld(one, deeper) for one, deeper in combinations(logits[name], 2)
            )
            losses[f'loss_within_l2_{name}'] = sum(
                F.mse_loss(one, deeper.detach())
                for one, deeper in combinations(vectors[name], 2)
            )
        across = zip(logits['student'], logits['teacher'])
        losses['loss_cross_kl'] = sum(kld(own, other) for own, other in across)
        across = zip(vectors['student'][:-1], vectors['teacher'][:-1])
        losses['loss_cross_l2'] = sum(
            F.mse_loss(own, other.detach()) for own, other in across
        )
        return losses


class DualTeachers(ByHand):
    """DTSKD's losses, with the past predictions in a plain tensor."""

    def __init__(self, distillation: Any) -> None:
        super().__init__(distillation)
        self.model = self.models['student']
        stages_of(self.model)
        shape = (SAMPLES, len(self.model.branches) + 1, CLASSES)
        self.past, self.present = torch.zeros(shape), torch.zeros(shape)
        self.seen = torch.zeros(SAMPLES, dtype=torch.bool)
        turned = (DONE + 1) / EPOCHS
        self.beta = 0.9 * (1 + math.cos(math.pi * turned)) / 2

    def losses(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """See :meth:`ByHand.losses`."""
        data = self.model.data_preprocessor(batch, True)
        samples = data['data_samples']
        maps = self.model.backbone(data['inputs'])
        head = self.model.head(self.model.neck(maps[-1:]))
        logits = [head, *self.model.branches(maps)]
        rows = torch.tensor([sample.sample_idx for sample in samples])
        labels = torch.cat([sample.gt_label for sample in samples])
        truth = F.one_hot(labels, CLASSES).float()
        past = torch.where(
            self.seen[rows][:, None, None], self.past[rows], truth[:, None]
        )
        with torch.no_grad():
            self.present[rows] = torch.stack([own.softmax(1) for own in logits], 1)
        losses = {}
        total = head.new_zeros(())
        for index, own in enumerate(logits):
            mixed = self.beta * truth + (1 - self.beta) * past[:, index]
            entropy = torch.xlogy(mixed, mixed) - mixed * F.log_softmax(own, 1)
            weight = 1.0 if index else HEAD
            total = total + weight * entropy.sum() / len(samples)
        losses['loss_his'] = HISTORICAL * total
        losses['loss_stru'] = STRUCTURAL * sum(kld(own, head) for own in logits[1:])
        return losses
