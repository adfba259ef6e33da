# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What steps by hand share."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from mmengine.optim import build_optim_wrapper
from small_classifiers import OPTIMIZER
from torch import Tensor, nn

#: Temperature of divergences of class probabilities.
TAU = 4.0


class ByHand(ABC):
    """A training step of plain models, with an optimizer for each that learns.

    Args:
        distillation (nn.Module): What computes the same; its models are copied.
    """

    def __init__(self, distillation: Any) -> None:
        twin = copy.deepcopy(distillation)
        self.models = {name: twin.stream(name).model for name in twin.order}
        self.learners = list(twin.streams)
        self.transfers = dict(twin.transfers.items())
        self.wrappers = []
        for name in self.learners:
            own = [t for t in self.transfers.values() if t.learner == name]
            learns = nn.ModuleList([self.models[name], *own])
            self.wrappers.append(build_optim_wrapper(learns, dict(optimizer=OPTIMIZER)))

    @abstractmethod
    def losses(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The losses of a batch, as the data loader returns it, by name."""

    def __call__(self, batch: dict[str, Any]) -> dict[str, Tensor]:
        """Run the step."""
        student = self.models[self.learners[-1]]
        total, logged = student.parse_losses(self.losses(batch))
        total.backward()
        for wrapper in self.wrappers:
            wrapper.step()
            wrapper.zero_grad()
        return logged


def kld(target: Tensor, source: Tensor) -> Tensor:
    """Divergence of class probabilities; the source learns nothing."""
    log_p = F.log_softmax(target / TAU, dim=1)
    log_q = F.log_softmax(source.detach() / TAU, dim=1)
    return TAU**2 * F.kl_div(log_p, log_q, log_target=True, reduction='batchmean')


def prefixed(name: str, losses: Mapping[str, Any]) -> dict[str, Any]:
    """The losses of a model under names that begin with its own."""
    return {f'{name}/{key}': value for key, value in losses.items()}
