# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Class scores of several streams, averaged."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.structures import BaseDataElement
from torch.utils.data import BatchSampler, DataLoader, SequentialSampler

from dynkd.utils import check_field
from dynkd.utils.kinds import Weight

#: Metrics of the average are named ``fused/…``, like those of a stream.
FUSED = 'fused'


class Fusion:
    r"""Weighted average of the class scores of several streams.

    The late fusion of two-stream action recognition ("RGB + Flow", Table VIII of DKD).
    The paper does not say how it weighs the streams; equal weights are ours.

    .. math::
        s = \frac{\sum_i w_i s_i}{\sum_i w_i}

    A stream that is predicted once in a run (see ``StreamEvaluator``) keeps its
    predictions here, on the CPU: 4 bytes per sample and class, besides what else its
    data samples hold. They are found by the index of the batch.

    Args:
        weights (dict[str, float]): The streams, with their weights, of which none is
            negative and one at least is positive.
        evaluated (sequence of str): The streams (and branches) that are evaluated.

    Raises:
        TypeError: If the weights are not a dict of numbers.
        ValueError: If a stream is not evaluated, there are fewer than two, a weight is
            negative or not finite, or all are zero.
    """

    def __init__(self, weights: Mapping[str, float], evaluated: Sequence[str]) -> None:
        check_fused(weights, evaluated)
        total = sum(weights.values())
        self.weights = {name: value / total for name, value in weights.items()}
        self._kept: dict[str, dict[int, list[BaseDataElement]]] = {}

    def keep(self, names: Sequence[str]) -> None:
        """Keep the predictions of streams that will be predicted once.

        Args:
            names (sequence of str): The streams; those that are not fused are ignored.
        """
        self._kept = {name: {} for name in names if name in self.weights}

    def __call__(
        self, index: int, predictions: Mapping[str, Sequence[BaseDataElement]]
    ) -> list[BaseDataElement]:
        """Average the scores of a batch.

        Args:
            index (int): Index of the batch.
            predictions (dict[str, list[BaseDataElement]]): The predictions by stream,
                with ``pred_score``, *(classes, )*. Streams whose predictions are kept
                need not be in it.

        Returns:
            list[BaseDataElement]: Data samples on the CPU, copies of the first
            stream's, with the average in ``pred_score`` and its greatest class in
            ``pred_label``.

        Raises:
            ValueError: If predictions have no scores, or none that can be averaged.
        """
        streams: dict[str, Sequence[BaseDataElement]] = {}
        for name in self.weights:
            if name in predictions:
                samples = [sample.cpu() for sample in predictions[name]]
                if name in self._kept:
                    self._kept[name][index] = samples
                streams[name] = samples
            else:
                streams[name] = self._kept[name][index]
        scores = {name: _stack(name, own) for name, own in streams.items()}
        _check_comparable(scores)
        weighted = (self.weights[name] * own for name, own in scores.items())
        fused = sum(weighted, torch.zeros(()))
        first = next(iter(streams.values()))
        return [_replaced(sample, score) for sample, score in zip(first, fused)]


def check_fused(weights: Any, evaluated: Sequence[str]) -> None:
    """Check the option ``fused`` of a loop.

    Args:
        weights (dict[str, float]): The streams, with their weights.
        evaluated (sequence of str): The streams (and branches) that are evaluated.

    Raises:
        TypeError: If they are not a dict of numbers.
        ValueError: If they are not valid weights of the streams.
    """
    example = '`fused=dict(student=1.0, teacher=1.0)`'
    if not isinstance(weights, Mapping):
        raise TypeError(f'`fused` is a dict of weights, as in {example}: {weights!r}.')
    if FUSED in evaluated:
        raise ValueError(f'a stream named `{FUSED}` and the option `fused` collide.')
    for name, weight in weights.items():
        if name not in evaluated:
            raise ValueError(
                f'`fused` names `{name}`, which is not evaluated. '
                f'Evaluated: {", ".join(evaluated)}.'
            )
        check_field(weight, Weight, f'fused.{name}')
    if len(weights) < 2:
        raise ValueError(f'`fused` averages two streams or more, as in {example}.')
    if sum(weights.values()) == 0:
        raise ValueError(
            '`fused`: all weights are zero; one at least must be positive.'
        )


def same_order(loader: DataLoader) -> bool:
    """Whether a data loader returns the same batches in each epoch.

    Args:
        loader (DataLoader): The loader.

    Returns:
        bool: Whether that is known; False for batch samplers of other kinds than
        PyTorch's, and for samplers that do not say that they do not shuffle.
    """
    if type(loader.batch_sampler) is not BatchSampler:
        return False
    shuffles = not isinstance(loader.sampler, SequentialSampler)
    return not getattr(loader.sampler, 'shuffle', shuffles)


def _stack(name: str, samples: Sequence[BaseDataElement]) -> torch.Tensor:
    """The scores of a stream, *(batch, classes)*."""
    scores = []
    for sample in samples:
        score = getattr(sample, 'pred_score', None)
        if not isinstance(score, torch.Tensor):
            raise ValueError(
                f'the predictions of `{name}` ({type(sample).__name__}) have no tensor '
                '`pred_score` to be fused, as those of classifiers and recognizers '
                'have. Leave `fused` out.'
            )
        if score.dim() != 1:
            raise ValueError(
                f'the scores of `{name}` have shape {tuple(score.shape)}, but fusion '
                'needs one score per class. Average the clips of a video: set '
                "`average_clips='prob'` in its `cls_head`."
            )
        scores.append(score.float())
    return torch.stack(scores)


def _check_comparable(scores: Mapping[str, torch.Tensor]) -> None:
    """Check that the streams' scores have one meaning."""
    (first, other), *rest = scores.items()
    for name, own in rest:
        if own.shape != other.shape:
            raise ValueError(
                f'the scores of `{first}` and `{name}` cannot be averaged: they are of '
                f'{other.shape[1]} and {own.shape[1]} classes.'
            )
        if _is_distribution(own) != _is_distribution(other):
            names = (first, name) if _is_distribution(other) else (name, first)
            raise ValueError(
                f'the scores of `{names[0]}` are probabilities and those of '
                f'`{names[1]}` are not, so their average would mean nothing. Set '
                "`average_clips='prob'` in the `cls_head` of both."
            )


def _is_distribution(scores: torch.Tensor) -> bool:
    """Whether all scores of a batch are probabilities that sum to one."""
    sums = scores.sum(1)
    # Half precision knows a probability to three digits.
    return bool((scores >= 0).all() and ((sums - 1).abs() < 1e-2).all())


def _replaced(sample: BaseDataElement, score: torch.Tensor) -> BaseDataElement:
    """A copy of a data sample with another score."""
    fused = sample.new()
    fused.set_data(dict(pred_score=score, pred_label=score.argmax(0, keepdim=True)))
    return fused
