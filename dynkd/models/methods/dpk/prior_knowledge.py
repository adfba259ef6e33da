# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Dynamic Prior Knowledge: the teacher's feature as an input of the distillation."""

from collections.abc import Sequence
from typing import Any, Optional, Union

import torch
from torch import Tensor, nn

from dynkd.models.schedules import Progress
from dynkd.models.transfers.losses.hints import tokens_hint
from dynkd.registry import MODELS
from dynkd.utils.kinds import Count, Positive

from .hybrid_feature import HybridFeature
from .mask_ratio import build_ratio
from .patch_masks import GRID_RATIO, MASKS
from .token_blocks import Grid
from .token_coders import CoderRecipe, TokenEncoder

FILLS = ('teacher', 'zero', 'token')
LOSS_ON = ('full', 'non_masked')
#: Blocks of the decoder of one stage, and of those of several.
_DECODER_DEPTH, _DECODER_DEPTH_OF_SEVERAL = 6, 4


@MODELS.register_module()
class PriorKnowledge(nn.Module):
    r"""The hybrid feature of `Better Teacher Better Student: Dynamic Prior Knowledge
    for Knowledge Distillation <https://arxiv.org/abs/2206.06067>`_, Secs. 2.2 and A.2:
    the :math:`T_s(F_s, F_t)` of Eq. 4, and the hybrid feature of Eq. 9.

    Student's and teacher's map are cut into patches of k x k by a convolution with
    stride k, and encoded with position embeddings. A share :math:`\pi` of the student's
    tokens is replaced by the teacher's; the hybrid tokens get position embeddings too,
    and a decoder turns them into a map of the teacher's shape. The loss compares that
    map with the teacher's own feature. All of these modules are used in training only.
    Encoders see all patches, as in Sec. A.2 and Fig. 2. Where all tokens are replaced,
    :math:`\pi = 1`, the student learns nothing from this transfer.

    Use it as the ``connector`` of a transfer from teacher to student, of one stage or,
    with ``num_levels``, of several::

        loss_dpk = dict(
            source='teacher.backbone[0]',
            target='student.backbone[0]',
            connector=dict(
                type='PriorKnowledge', student_channels=512, teacher_channels=512
            ),
            loss=dict(type='FeatureLoss', kind='mse', loss_weight=0.2),
        )

    Maps may have any size: a side that is not a multiple of the patch is padded with
    zeros at the right or the bottom, which are cut off again; position embeddings are
    interpolated.

    Each step it logs the requested ratio as ``ratio`` (with ``mask='grid'``, the share
    that was replaced) and, where a batch has enough samples for it, the similarity of
    both features as ``cka``; with ``num_levels`` as ``ratio_0``, ``ratio_1``, ...

    Args:
        student_channels (int or list[int]): Channels of the student's feature, or of
            each level's.
        teacher_channels (int or list[int]): Channels of the teacher's, likewise.
        patch_size (int or list[int]): Side of a patch in positions, the k of Sec. 2.2,
            or one per level. Defaults to 1 (ours; the paper does not say).
        embed_dims (int): Length of a token. Defaults to 256 (ours).
        grid_size (int, tuple[int, int] or list): Rows and columns of patches with a
            learned position embedding each; one number for both, a list for several
            levels. For other grids they are interpolated bicubically (ours). Best is
            the grid of the training: ``ceil(H / patch_size)``. Defaults to 7, that of
            the last stage at 224 x 224.
        encoder_depth (int, optional): Blocks of each encoder. Defaults to None: 6, as
            in the paper, and none with ``transform='mlp'``.
        decoder_depth (int, optional): Blocks of the decoder. Defaults to None: as in
            the paper 6 for one stage and 4 for several, where ``num_levels`` is more
            than 1. For several stages in separate transfers, set 4 explicitly.
        num_heads (int, optional): Heads of the transformer's attention. Defaults to
            None: 8 (ours).
        mlp_ratio (float, optional): Width of the transformer's MLPs relative to
            ``embed_dims``. Defaults to None: 4, as in ViT.
        ratio (float or dict, optional): The share :math:`\pi` of the student's patches
            that are replaced, rounded to whole patches: a number, a schedule, or a
            measurement, :class:`~dynkd.models.methods.dpk.CKARatio` or
            :class:`~dynkd.models.methods.dpk.CosineRatio`. The schedules of Table 6 are
            ``dict(type='ExponentialSchedule', start=1.0, gamma=0.95)`` and
            ``dict(type='LinearSchedule', start=1.0, stop=0.05)``: the decrement of 0.95
            that the paper prints for an epoch is taken for that of the whole training
            (ours), since it would leave 0.05 for the second epoch and a negative ratio
            for the third. Defaults to None: ``dict(type='CKARatio')``.
        mask (str): Which patches: ``'random'``, ``'block'`` or ``'grid'`` (Table 6),
            see :mod:`~dynkd.models.methods.dpk.patch_masks`. ``'grid'`` keeps one of
            every four, or more where a grid of patches has an odd side, and takes no
            other ``ratio``. Defaults to ``'random'``.
        fill (str): What replaces them: ``'teacher'``'s tokens, ``'zero'`` or a
            learned ``'token'`` (Table 7). Defaults to ``'teacher'``.
        transform (str): What encoders and decoder are made of (Table 8):
            ``'transformer'``; ``'mlp'``: transformer blocks in the decoder only, an MLP
            in the place of each encoder (``Decoder`` in Sec. A.2); ``'conv'``:
            convolutions. Defaults to ``'transformer'``.
        loss_on (str): What the loss compares (Table 9): the ``'full'`` feature, or only
            the ``'non_masked'`` part. In that case the teacher's feature itself is
            returned at all replaced positions, so that the difference is 0 there. A
            mean over all positions, as in ``FeatureLoss``, is thereby :math:`1 - \pi`
            times that over the non-masked ones (ours). Defaults to ``'full'``.
        resize (bool): Whether a student's map of another size is resized to the
            teacher's (ours): averaged where it is larger, else interpolated bilinearly.
            Defaults to False: an error.
        num_levels (int, optional): Levels of features that are lists, such as an
            FPN's or those of several stages; each has its own modules, ratio and mask.
            Defaults to None: one feature.

    Raises:
        ValueError: If an argument is out of its range or would do nothing; in the
            forward pass, if a feature is not a map, is smaller than a patch, has other
            channels, another size than the other side or too few samples for the ratio,
            or the number of levels differs.
    """

    def __init__(
        self,
        student_channels: Union[Count, Sequence[Count]],
        teacher_channels: Union[Count, Sequence[Count]],
        patch_size: Union[Count, Sequence[Count]] = 1,
        embed_dims: Count = 256,
        grid_size: Union[int, tuple[int, int], list] = 7,
        encoder_depth: Optional[Count] = None,
        decoder_depth: Optional[Count] = None,
        num_heads: Optional[Count] = None,
        mlp_ratio: Optional[Positive] = None,
        ratio: Union[float, dict[str, Any], None] = None,
        mask: str = 'random',
        fill: str = 'teacher',
        transform: str = 'transformer',
        loss_on: str = 'full',
        resize: bool = False,
        num_levels: Optional[Count] = None,
    ) -> None:
        super().__init__()
        _check_choice('mask', mask, tuple(MASKS))
        _check_choice('fill', fill, FILLS)
        _check_choice('loss_on', loss_on, LOSS_ON)
        count = 1 if num_levels is None else num_levels
        if decoder_depth is None:
            decoder_depth = _DECODER_DEPTH if count == 1 else _DECODER_DEPTH_OF_SEVERAL
        self.num_levels = num_levels
        self.student_channels = _per_level('student_channels', student_channels, count)
        self.teacher_channels = _per_level('teacher_channels', teacher_channels, count)
        self.stats: dict[str, Tensor] = {}
        recipe = CoderRecipe(
            transform, embed_dims, encoder_depth, decoder_depth, num_heads, mlp_ratio
        )
        ratio = _ratio_of(mask, ratio)
        self.levels = nn.ModuleList(
            HybridFeature(
                recipe.encoder(own, patch, grid),
                _filling(fill, recipe, teacher, patch, grid),
                recipe.decoder(teacher, patch, grid),
                build_ratio(ratio),
                mask,
                resize,
                everywhere=loss_on == 'full',
            )
            for own, teacher, patch, grid in zip(
                self.student_channels,
                self.teacher_channels,
                _per_level('patch_size', patch_size, count),
                _grids(grid_size, count),
            )
        )

    def forward(
        self,
        target: Union[Tensor, Sequence[Tensor]],
        source: Union[Tensor, Sequence[Tensor]],
        progress: Optional[Progress] = None,
    ) -> Union[Tensor, list[Tensor]]:
        """Build the hybrid features.

        Args:
            target (Tensor | Sequence[Tensor]): The student's map, shape (B, C, H, W),
                or one per level.
            source (Tensor | Sequence[Tensor]): The teacher's map, shape (B, C', H, W),
                likewise. It gets no gradient.
            progress (Progress, optional): How far the training is. Defaults to None:
                as far as the runner at work.

        Returns:
            Tensor | list[Tensor]: What is compared with the source, of its shape.

        Raises:
            ValueError: If features do not fit the arguments or each other.
        """
        single = isinstance(target, Tensor)
        students, teachers = (
            [side] if isinstance(side, Tensor) else list(side)
            for side in (target, source)
        )
        self._check(students, teachers)
        pairs = zip(self.levels, students, teachers)
        features = [
            level(student, teacher, progress) for level, student, teacher in pairs
        ]
        measured: list[Any] = [level.stats for level in self.levels]
        self.stats = {
            key if self.num_levels is None else f'{key}_{index}': value
            for index, stats in enumerate(measured)
            for key, value in stats.items()
        }
        return features[0] if single else features

    def _check(self, students: list[Tensor], teachers: list[Tensor]) -> None:
        """Reject features that the levels were not built for."""
        if not len(students) == len(teachers) == len(self.levels):
            raise ValueError(
                f'PriorKnowledge: the student has {len(students)} level(s) and the '
                f'teacher {len(teachers)}, but num_levels={self.num_levels}'
            )
        sides = (
            ('student', students, self.student_channels),
            ('teacher', teachers, self.teacher_channels),
        )
        for name, features, channels in sides:
            for feature, expected in zip(features, channels):
                _check_map(name, feature, expected)


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Reject what is not one of the choices."""
    if value not in choices:
        raise ValueError(
            f'PriorKnowledge: {name} must be one of {tuple(choices)}, got {value!r}'
        )


def _check_map(side: str, feature: Any, channels: int) -> None:
    """Reject a feature that is not a map with so many channels."""
    if not isinstance(feature, Tensor):
        raise ValueError(
            f'PriorKnowledge: the {side} must be a map (B, C, H, W), or one per level, '
            f'got a {type(feature).__name__}; tap a module that returns maps'
        )
    shape = tuple(feature.shape)
    if feature.dim() != 4:
        own = dict(student='target', teacher='source')[side]
        remedy = (
            f'; of tokens, {own}_connector={tokens_hint(feature)} makes a map'
            if feature.dim() == 3
            else ''
        )
        raise ValueError(
            f'PriorKnowledge: the {side} must be a map (B, C, H, W), got shape {shape}'
            f'{remedy}'
        )
    if feature.size(1) != channels:
        raise ValueError(
            f'PriorKnowledge: the {side} has shape {shape} and so {feature.size(1)} '
            f'channels, but {side}_channels={channels}'
        )


def _per_level(name: str, value: Union[int, Sequence[int]], count: int) -> list[int]:
    """One positive number per level."""
    values = [value] * count if isinstance(value, int) else list(value)
    if len(values) != count or not all(isinstance(v, int) and v > 0 for v in values):
        raise ValueError(
            f'PriorKnowledge: {name} must be a positive number, or one for each of '
            f'{count} level(s), got {value!r}'
        )
    return values


def _grids(
    grid_size: Union[int, tuple[int, int], list[Union[int, tuple[int, int]]]],
    count: int,
) -> list[Grid]:
    """Rows and columns of each level."""
    entries = grid_size if isinstance(grid_size, list) else [grid_size] * count
    grids: list[Any] = [(g, g) if isinstance(g, int) else tuple(g) for g in entries]
    if len(grids) != count or any(len(g) != 2 or min(g) < 1 for g in grids):
        raise ValueError(
            'PriorKnowledge: grid_size must be a positive number, a pair (rows, '
            f'columns), or a list with one of these for each of {count} level(s), got '
            f'{grid_size!r}'
        )
    return grids


def _ratio_of(
    mask: str, ratio: Union[float, dict[str, Any], None]
) -> Union[float, dict[str, Any]]:
    """The ratio, where the mask leaves a choice."""
    if mask == 'grid':
        if ratio not in (None, GRID_RATIO):
            raise ValueError(
                f"PriorKnowledge: mask='grid' keeps one of every four patches, which "
                f'is a ratio of {GRID_RATIO} (less where a grid has an odd side), and '
                f'takes no other; got {ratio!r}'
            )
        return GRID_RATIO
    return dict(type='CKARatio') if ratio is None else ratio


def _filling(
    fill: str, recipe: CoderRecipe, channels: int, patch: int, grid: Grid
) -> Union[TokenEncoder, nn.Parameter, None]:
    """What replaces masked tokens."""
    if fill == 'teacher':
        return recipe.encoder(channels, patch, grid)
    if fill == 'token':
        return nn.Parameter(0.02 * torch.randn(recipe.embed_dims))
    return None
