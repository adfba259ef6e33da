# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Several teachers as one source."""

from collections.abc import Sequence
from typing import Any, Optional, Union

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor

from dynkd.models.labels import class_probabilities
from dynkd.registry import MODELS
from dynkd.utils import without_autocast
from dynkd.utils.kinds import Temperature, Weight

#: What a teacher yields: a tensor, or one tensor per level.
Levels = Union[Tensor, Sequence[Tensor]]


@MODELS.register_module()
class Ensemble(BaseModule):
    r"""The weighted mean of what several sources yield: the ``ensemble`` of a transfer.

    Without a temperature it is the mean of the values, of logits or features. With one,
    it is the logits of the mean class probabilities,

    .. math::
        z = T \log \sum_k w_k \, \mathrm{softmax}(z_k / T)

    A ``KLDLoss`` of the same temperature then has the gradient of the weighted sum of
    the divergences from each source.

    With ``weights='confidence'`` a source counts for each sample as much as it is sure
    of the label, as in `Confidence-Aware Multi-Teacher Knowledge Distillation
    <https://arxiv.org/abs/2201.00007>`_ (CA-MKD, ICASSP 2022), where
    :math:`\mathcal{L}^k` is the cross-entropy of source k of K with the label:

    .. math::
        w_k = \frac{1}{K - 1} \left(1 - \frac{\exp(\mathcal{L}^k)}
            {\sum_j \exp(\mathcal{L}^j)}\right)

    The mean of these over the batch is logged as ``confidence_0``, ``confidence_1``, …

    Args:
        weights (list[float] or str, optional): A weight for each source, which are
            divided by their sum; or ``'confidence'``, for logits of shape (B, K) and
            labelled samples. Defaults to None: all count the same.
        temperature (float, optional): The temperature T of class probabilities, in
            dimension 1. Defaults to None: the values themselves.

    Raises:
        ValueError: If there is no such way to weigh, or all weights are 0; in the
            forward pass, if the sources differ in their levels or shapes, or are not as
            many as the weights.
    """

    def __init__(
        self,
        weights: Optional[Union[list[Weight], str]] = None,
        temperature: Optional[Temperature] = None,
    ) -> None:
        super().__init__()
        if isinstance(weights, str) and weights != 'confidence':
            raise ValueError(
                "Ensemble: weights must be a list of numbers, or 'confidence', got "
                f'{weights!r}'
            )
        if weights is not None and not isinstance(weights, str) and not any(weights):
            raise ValueError(f'Ensemble: no source counts, got weights={weights}')
        self.weights = weights
        self.temperature = temperature
        #: Measured in the last step, for the log.
        self.stats: dict[str, Tensor] = {}

    def forward(
        self, sources: Sequence[Levels], data_samples: Optional[Sequence[Any]] = None
    ) -> Levels:
        """Make one source of several.

        Args:
            sources (Sequence[Tensor | Sequence[Tensor]]): What each source yielded: a
                tensor, or one per level.
            data_samples (list, optional): The batch's data samples, whose labels
                ``'confidence'`` needs. Defaults to None.

        Returns:
            Tensor | list[Tensor]: What one source would have yielded.
        """
        single = [source for source in sources if isinstance(source, Tensor)]
        if len(single) == len(sources):
            return self._mean(single, data_samples)
        counts = {-1 if isinstance(s, Tensor) else len(s) for s in sources}
        if len(counts) > 1:
            raise ValueError(
                'Ensemble: the sources differ in their number of levels; choose taps '
                'of the same levels'
            )
        return [self._mean(list(level), data_samples) for level in zip(*sources)]

    def _mean(
        self, sources: list[Tensor], data_samples: Optional[Sequence[Any]]
    ) -> Tensor:
        """The mean of one level."""
        shapes = [tuple(source.shape) for source in sources]
        if len(set(shapes)) > 1:
            raise ValueError(
                f'Ensemble: the sources have shapes {", ".join(map(str, shapes))}; '
                'they must be equal'
            )
        dtype = torch.promote_types(sources[0].dtype, torch.float32)
        with without_autocast(sources[0].device.type):
            values = torch.stack([source.to(dtype) for source in sources])
            weights = self._weigh(values, data_samples)
            weights = weights.reshape(*weights.shape, *[1] * (values.dim() - 2))
            if self.temperature is None:
                return (weights * values).sum(0)
            logs = F.log_softmax(values / self.temperature, dim=2)
            tiny = torch.finfo(dtype).tiny
            logs = logs + weights.clamp(min=tiny).log()
            return self.temperature * logs.logsumexp(0)

    def _weigh(self, values: Tensor, data_samples: Optional[Sequence[Any]]) -> Tensor:
        """The weights of the K sources, of shape (K, 1) or (K, B)."""
        if isinstance(self.weights, str):
            return self._confidence(values, data_samples)
        weights: list[float] = [1.0] * len(values)
        if self.weights is not None:
            weights = list(self.weights)
        if len(weights) != len(values):
            raise ValueError(
                f'Ensemble: {len(weights)} weights for {len(values)} sources; give one '
                'for each'
            )
        found = values.new_tensor(weights)[:, None]
        return found / sum(weights)

    def _confidence(
        self, values: Tensor, data_samples: Optional[Sequence[Any]]
    ) -> Tensor:
        """The weights of CA-MKD, of shape (K, B)."""
        if values.dim() != 3:
            raise ValueError(
                "Ensemble: weights='confidence' is for logits of shape (B, K), and the "
                f'sources have shape {tuple(values.shape[1:])}'
            )
        labels = class_probabilities(data_samples, values.size(2), values.device)
        errors = -(labels * F.log_softmax(values, 2)).sum(2)
        found = (1 - errors.softmax(0)) / (len(values) - 1)
        means = found.detach().mean(1)
        self.stats = {f'confidence_{k}': mean for k, mean in enumerate(means)}
        return found
