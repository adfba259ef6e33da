# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Ratios that are measured: the less alike two features are, the more is replaced."""

from abc import abstractmethod
from typing import Optional, Union

import torch
import torch.nn.functional as F
from torch import Tensor

from dynkd.models.schedules import (
    Measured,
    Progress,
    finite_row,
    mean_over_processes,
)
from dynkd.registry import MODELS
from dynkd.utils import TrainingData
from dynkd.utils.kinds import Count

from .cka import MIN_SAMPLES, cka_of_terms, hsic_terms, position_terms
from .mask_ratio import MaskRatio

SAMPLES = ('images', 'positions')


class MeasuredRatio(Measured, MaskRatio):
    """One minus a similarity of student and teacher, Eq. 5 of `Dynamic Prior Knowledge
    <https://arxiv.org/abs/2206.06067>`_.

    The terms of the similarity are averaged over the last minibatches of all processes.
    They are in a buffer, so that a resumed training continues with them. In evaluation
    mode only the current batch counts, and nothing is kept.

    Args:
        window (int): Number of minibatches of each process in the average, the k of
            Eq. 7. Defaults to 1, the current one.

    Raises:
        ValueError: If the window is less than 1; in the forward pass, if a minibatch is
            too small and there was none before.
    """

    #: How many numbers are measured per minibatch.
    num_terms = 1
    measured: Tensor

    def __init__(self, window: Count = 1) -> None:
        super().__init__()
        # The newest row is the last; the last column is 1 where there was a minibatch.
        self.register_buffer('measured', torch.zeros(window, self.num_terms + 1))

    @abstractmethod
    def measure(self, student: Tensor, teacher: Tensor) -> Union[Tensor, str]:
        """Measure a minibatch.

        Args:
            student (Tensor): The student's feature, shape (B, C, H, W).
            teacher (Tensor): The teacher's feature, shape (B, C', H, W).

        Returns:
            Tensor or str: What is averaged over minibatches, shape (``num_terms``,); or
            why the minibatch cannot be measured, and what would help.
        """

    @abstractmethod
    def similarity(self, terms: Tensor) -> Tensor:
        """Compute the similarity from the averaged terms.

        Args:
            terms (Tensor): Mean over the minibatches, shape (``num_terms``,); zeros if
                there was none with finite features.

        Returns:
            Tensor: A scalar.
        """

    def ratio(self, student: Tensor, teacher: Tensor, progress: Progress) -> Tensor:
        """See :meth:`MaskRatio.ratio`."""
        terms = self.measure(student, teacher)
        row = self.measured.new_zeros(self.num_terms + 1)
        if isinstance(terms, Tensor):
            row = finite_row(terms.to(row))
        rows = self._keep(row) if self.training else row[None]
        if isinstance(terms, str) and not rows[:, -1].any():
            raise ValueError(f'{type(self).__name__}: {terms}')
        total = rows.sum(0)
        return 1 - self.similarity(total[:-1] / total[-1].clamp(min=1))

    def _keep(self, row: Tensor) -> Tensor:
        """Put the mean over all processes into the window, and return the window."""
        row = mean_over_processes(row)
        moved = torch.cat((self.measured[1:], row[None]))
        self.measured.copy_(torch.where(row[-1] > 0, moved, self.measured))
        return self.measured

    def extra_repr(self) -> str:
        """str: The window."""
        return f'window={len(self.measured)}'


@MODELS.register_module()
class CKARatio(MeasuredRatio):
    r"""One minus CKA, the ratio of `Dynamic Prior Knowledge
    <https://arxiv.org/abs/2206.06067>`_, Eqs. 5 to 7.

    .. math::
        \pi = 1 - \mathrm{CKA}_{minibatch}(X, Y)

    with the flattened features X of the teacher and Y of the student, before any
    encoder, and CKA as in :func:`~dynkd.models.methods.dpk.cka.cka_of_terms`. A
    minibatch of fewer than 4 samples, the last of an epoch for instance, is not
    measured: the ratio stays what it was.

    Args:
        window (int): Number of minibatches of each process in the average, the k of
            Eq. 7. Defaults to 1, the current one (ours; the paper does not say).
        samples (str): What a sample is. ``'images'``: an image with its whole feature,
            as in the paper; takes 4 images per batch and process. ``'positions'``: a
            position of the maps (ours), for detectors with few images per batch, see
            :func:`~dynkd.models.methods.dpk.cka.position_terms`. Defaults to
            ``'images'``.

    Raises:
        ValueError: If an argument is out of its range; before the training with
            :class:`~dynkd.engine.hooks.RunCheckHook`, if there are fewer than 4 images
            per batch; in the forward pass, if there are fewer than 4 samples, and no
            minibatch had more before.
    """

    num_terms = 3

    def __init__(self, window: Count = 1, samples: str = 'images') -> None:
        super().__init__(window)
        if samples not in SAMPLES:
            raise ValueError(
                f'CKARatio: samples must be one of {SAMPLES}, got {samples!r}'
            )
        self.samples = samples

    def data_fault(self, data: TrainingData) -> Optional[str]:
        """Why there will be no CKA; see :class:`~dynkd.engine.hooks.RunCheckHook`.

        Args:
            data (TrainingData): The training's data.

        Returns:
            str or None: What is wrong where images are the samples, and they are fewer
            than 4 per batch.
        """
        count = data.batch_size or MIN_SAMPLES
        few = self.samples == 'images' and count < MIN_SAMPLES
        return f'CKARatio: {_too_few_images(count)}' if few else None

    def measure(self, student: Tensor, teacher: Tensor) -> Union[Tensor, str]:
        """See :meth:`MeasuredRatio.measure`."""
        positions = self.samples == 'positions'
        count = len(student) * (student.shape[2:].numel() if positions else 1)
        if count < MIN_SAMPLES:
            return self._too_few(student)
        return (position_terms if positions else hsic_terms)(teacher, student)

    def similarity(self, terms: Tensor) -> Tensor:
        """See :meth:`MeasuredRatio.similarity`."""
        self.stats['cka'] = cka_of_terms(terms[None])
        return self.stats['cka']

    def _too_few(self, student: Tensor) -> str:
        """Why there is no CKA."""
        if self.samples == 'positions':
            return (
                f'a feature of shape {tuple(student.shape)} has fewer than the '
                f'{MIN_SAMPLES} positions that CKA needs; tap a feature of higher '
                'resolution, or give a number or a schedule as the ratio'
            )
        return _too_few_images(len(student))


def _too_few_images(count: int) -> str:
    """Why a batch has no CKA, and what would help."""
    return (
        f'a batch of {count} image(s) per process has fewer than the {MIN_SAMPLES} '
        "samples that CKA needs; raise the batch size, set samples='positions', or "
        'give a number or a schedule as the ratio'
    )


@MODELS.register_module()
class CosineRatio(MeasuredRatio):
    """One minus cosine similarity, the alternative to CKA in Table 6 of `Dynamic Prior
    Knowledge <https://arxiv.org/abs/2206.06067>`_.

    The cosine is the one between the flattened features of student and teacher, mean
    over the images (ours; the paper does not say). It is logged as ``cosine``.

    Args:
        window (int): Number of minibatches of each process in the average. Defaults to
            1, the current one.

    Raises:
        ValueError: If the window is less than 1; in the forward pass, if the features
            have different shapes.
    """

    def measure(self, student: Tensor, teacher: Tensor) -> Union[Tensor, str]:
        """See :meth:`MeasuredRatio.measure`."""
        if student.shape != teacher.shape:
            raise ValueError(
                f'CosineRatio: there is no cosine between the student of shape '
                f'{tuple(student.shape)} and the teacher of shape '
                f'{tuple(teacher.shape)}; CKARatio compares any numbers of channels'
            )
        self.note_cka(student, teacher)
        own, other = (side.float().flatten(1) for side in (student, teacher))
        return F.cosine_similarity(own, other).mean()[None]

    def similarity(self, terms: Tensor) -> Tensor:
        """See :meth:`MeasuredRatio.similarity`."""
        self.stats['cosine'] = terms[0]
        return self.stats['cosine']
