# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""IAKD: in each step, blocks of the teacher in the student's place."""

from itertools import count
from typing import Any

from small_classifiers import distillation
from torch import Tensor, nn

from dynkd.models.methods.iakd import draw_paths
from dynkd.models.schedules import Progress

from .classifiers import tiny
from .step import ByHand, prefixed

#: Probability of the student's path.
P = 0.5


def iakd(seed: int) -> nn.Module:
    """Two blocks of the student and three of the teacher in each stage."""
    return distillation(
        seed,
        'dynkd.InteractiveDistillation',
        streams=dict(
            teacher=dict(model=tiny(depth=20), frozen=True),
            student=dict(model=tiny(depth=14)),
        ),
        interaction=dict(probability=P),
    )


class Interactive(ByHand):
    """The hybrid network, block by block."""

    def __init__(self, distillation: Any) -> None:
        super().__init__(distillation)
        self.pairs = distillation.interaction.pairs
        self.steps = count()
        self.student, teacher = self.models['student'], self.models['teacher']
        self.paths = []
        for pair in self.pairs:
            blocks = [teacher.get_submodule(name) for name in pair.teacher]
            for module in (m for block in blocks for m in block.modules()):
                if isinstance(module, nn.BatchNorm2d):
                    module.train()
                    module.track_running_stats = False
            self.paths.append(nn.Sequential(*blocks))
        body = self.student.backbone
        self.blocks = [
            (f'backbone.{layer}.{index}', block)
            for layer in body.res_layers
            for index, block in enumerate(getattr(body, layer))
        ]

    def losses(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """See :meth:`ByHand.losses`."""
        data = self.student.data_preprocessor(batch, True)
        drawn = draw_paths(len(self.pairs), P, Progress(iter=next(self.steps)))
        taken: dict[str, Any] = {}
        for pair, path, teaches in zip(self.pairs, self.paths, drawn):
            if teaches:
                taken.update(dict.fromkeys(pair.student))
                taken[pair.student[0]] = path
        body = self.student.backbone
        value = body.relu(body.norm1(body.conv1(data['inputs'])))
        for name, block in self.blocks:
            block = taken.get(name, block)
            value = value if block is None else block(value)
        logits = self.student.head(self.student.neck((value,)))
        loss = self.student.head._get_loss(logits, data['data_samples'])
        return prefixed('student', loss)
