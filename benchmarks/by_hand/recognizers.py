# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DKD between recognizers of optical flow and RGB."""

import copy
from typing import Any

import torch
from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from dynkd.registry import MODELS

from .classifiers import KLD
from .step import ByHand, kld, prefixed

CLASSES, FRAMES, SIDE = 5, 8, 56
#: Channels of a frame of each input.
_CHANNELS = dict(rgb=3, flow=2)
_INPUTS = dict(teacher='flow', student='rgb')


def batches(count: int, seed: int) -> list[dict[str, Any]]:
    """Two batches of so many clips, as ``PackModalities`` and the loader give them."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(2):
        inputs = {
            name: [
                torch.randint(
                    0,
                    256,
                    (1, channels, FRAMES, SIDE, SIDE),
                    generator=generator,
                    dtype=torch.uint8,
                )
                for _ in range(count)
            ]
            for name, channels in _CHANNELS.items()
        }
        labels = torch.randint(0, CLASSES, (count,), generator=generator).tolist()
        samples = [ActionDataSample().set_gt_label(label) for label in labels]
        found.append(dict(inputs=inputs, data_samples=samples))
    return found


def _model(channels: int) -> dict[str, Any]:
    """Config of a small 3D recognizer."""
    return dict(
        type='mmaction.Recognizer3D',
        backbone=dict(
            type='dynkd.ResNeXt3D',
            depth=18,
            cardinality=1,
            base_channels=2,
            in_channels=channels,
        ),
        cls_head=dict(
            type='I3DHead',
            num_classes=CLASSES,
            in_channels=16,
            spatial_type='avg',
            dropout_ratio=0.0,
        ),
        data_preprocessor=dict(
            type='ActionDataPreprocessor',
            mean=[127.5] * channels,
            std=[63.75] * channels,
            format_shape='NCTHW',
        ),
    )


def recognizers(seed: int) -> nn.Module:
    """Flow and RGB learn from each other, by class probabilities."""
    streams, transfers = {}, {}
    for name, other in (('teacher', 'student'), ('student', 'teacher')):
        channels = _CHANNELS[_INPUTS[name]]
        streams[name] = dict(
            model=_model(channels),
            input=_INPUTS[name],
            input_shape=(1, channels, FRAMES, SIDE, SIDE),
        )
        transfers[f'loss_{name}'] = dict(
            source=f'{other}.cls_head', target=f'{name}.cls_head', loss=KLD
        )
    cfg = dict(type='dynkd.Distillation', streams=streams, transfers=transfers)
    torch.manual_seed(seed)
    model = MODELS.build(copy.deepcopy(cfg))
    model.init_weights()
    return model.train()


class Recognizers(ByHand):
    """A recognizer of each input."""

    def losses(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """See :meth:`ByHand.losses`."""
        losses, logits = {}, {}
        for name, model in self.models.items():
            own = dict(batch, inputs=batch['inputs'][_INPUTS[name]])
            data = model.data_preprocessor(own, True)
            samples = data['data_samples']
            features, extra = model.extract_feat(data['inputs'], data_samples=samples)
            logits[name] = model.cls_head(features, **extra)
            loss = model.cls_head.loss_by_feat(logits[name], samples)
            losses.update(prefixed(name, loss))
        for name, other in (('teacher', 'student'), ('student', 'teacher')):
            losses[f'loss_{name}'] = kld(logits[name], logits[other])
        return losses
