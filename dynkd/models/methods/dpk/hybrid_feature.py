# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A student's feature in which some patches are the teacher's."""

from typing import Optional, Union

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dynkd.models.schedules import Progress
from dynkd.utils import drawn

from .mask_ratio import MaskRatio
from .patch_masks import MASKS
from .token_blocks import Grid
from .token_coders import TokenDecoder, TokenEncoder


class HybridFeature(nn.Module):
    """The hybrid of one pair of feature maps: one level of a
    :class:`~dynkd.models.methods.dpk.PriorKnowledge`, which says what the parts are.

    Args:
        student_encoder (TokenEncoder): Makes tokens of the student's map.
        filling (TokenEncoder or Parameter, optional): What replaces masked tokens: the
            encoded map of the teacher, or this vector of shape (d,). Defaults to None:
            zeros.
        decoder (TokenDecoder): Makes a map of the hybrid tokens.
        ratio (MaskRatio): Share of the patches that are masked.
        mask (str): Strategy that draws them, a key of
            :data:`~dynkd.models.methods.dpk.patch_masks.MASKS`.
        resize (bool): Whether a student's map of another size is resized to the
            teacher's.
        everywhere (bool): Whether the loss is to see masked positions too.
    """

    def __init__(
        self,
        student_encoder: TokenEncoder,
        filling: Union[TokenEncoder, nn.Parameter, None],
        decoder: TokenDecoder,
        ratio: MaskRatio,
        mask: str,
        resize: bool,
        everywhere: bool,
    ) -> None:
        super().__init__()
        self.student_encoder = student_encoder
        self.teacher_encoder = filling if isinstance(filling, TokenEncoder) else None
        self.mask_token: Optional[nn.Parameter] = (
            filling if isinstance(filling, nn.Parameter) else None
        )
        self.decoder = decoder
        self.ratio = ratio
        self.mask = mask
        self.resize = resize
        self.everywhere = everywhere
        self.stats: dict[str, Tensor] = {}

    def forward(
        self, student: Tensor, teacher: Tensor, progress: Optional[Progress] = None
    ) -> Tensor:
        """Build the feature that is compared with the teacher's.

        Args:
            student (Tensor): The student's map, shape (B, C, H, W).
            teacher (Tensor): The teacher's map, shape (B, C', H, W); gets no gradient.
            progress (Progress, optional): How far the training is. Defaults to None:
                as far as the runner at work.

        Returns:
            Tensor: A map of the teacher's shape.

        Raises:
            ValueError: If the maps do not fit each other, the patches or the ratio.
        """
        teacher = teacher.detach()
        student = self._fit(student, teacher)
        tokens, grid = self.student_encoder(student)
        ratio = self.ratio(student, teacher, progress)
        mask = self.draw(ratio, len(tokens), grid)
        self.stats = self.ratio.stats
        if self.mask == 'grid':
            # Where a side is odd, fewer patches are masked than requested.
            self.stats['ratio'] = mask.float().mean()
        hybrid = self.stitch(tokens, teacher, mask)
        feature = self.decoder(hybrid, grid, teacher.shape[2:])
        if self.everywhere:
            return feature
        return torch.where(self._enlarge(mask, grid, feature), teacher, feature)

    def draw(self, ratio: Tensor, batch: int, grid: Grid) -> Tensor:
        """Draw which patches are masked.

        Args:
            ratio (Tensor): Share of them, a scalar.
            batch (int): Number of samples.
            grid (tuple[int, int]): Rows and columns of patches.

        Returns:
            Tensor: The mask, shape (B, N).
        """
        return drawn(MASKS[self.mask], ratio, batch, grid)

    def stitch(self, tokens: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
        """Put the filling in the place of masked tokens.

        Args:
            tokens (Tensor): The student's tokens, shape (B, N, d).
            teacher (Tensor): The teacher's map, shape (B, C', H, W).
            mask (Tensor): True where a token is replaced, shape (B, N).

        Returns:
            Tensor: The hybrid tokens, shape (B, N, d).
        """
        if self.teacher_encoder is not None:
            filling = self.teacher_encoder(teacher)[0]
        elif self.mask_token is not None:
            filling = self.mask_token.to(tokens.dtype)
        else:
            filling = torch.zeros_like(tokens)
        # Not by indices: every parameter gets a gradient (possibly zero) with any mask,
        # as DistributedDataParallel requires.
        return torch.where(mask[..., None], filling, tokens)

    def _fit(self, student: Tensor, teacher: Tensor) -> Tensor:
        """The student's map in the size of the teacher's."""
        sizes = student.shape[2:], teacher.shape[2:]
        patch = self.decoder.patch_size
        if min(sizes[1]) < patch:
            raise ValueError(
                f'PriorKnowledge: a feature of shape {tuple(teacher.shape)} is smaller '
                f'than a patch of {patch}x{patch}; take a smaller patch_size or an '
                'earlier tap'
            )
        if sizes[0] == sizes[1]:
            return student
        if not self.resize:
            raise ValueError(
                f'PriorKnowledge: the student has shape {tuple(student.shape)} and the '
                f'teacher {tuple(teacher.shape)}; tap features of the same resolution, '
                "or set resize=True to resize the student's"
            )
        if sizes[0][0] >= sizes[1][0] and sizes[0][1] >= sizes[1][1]:
            return F.adaptive_avg_pool2d(student, (sizes[1][0], sizes[1][1]))
        return F.interpolate(student, sizes[1], mode='bilinear', align_corners=False)

    def _enlarge(self, mask: Tensor, grid: Grid, like: Tensor) -> Tensor:
        """From patches to positions: (B, N) to (B, 1, H, W)."""
        patch = self.decoder.patch_size
        mask = mask.unflatten(1, grid)[:, None]
        mask = mask.repeat_interleave(patch, 2).repeat_interleave(patch, 3)
        return mask[..., : like.size(2), : like.size(3)]
