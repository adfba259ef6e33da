# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Distillation of the relations between predictions, from a stronger teacher."""

from typing import Any

from torch import Tensor

from dynkd.registry import MODELS
from dynkd.utils.kinds import Temperature, Weight

from .base import TransferLoss
from .correlation import pearson_distance


@MODELS.register_module()
class DISTLoss(TransferLoss):
    r"""Correlations of class probabilities, of `Knowledge Distillation
    from A Stronger Teacher <https://arxiv.org/abs/2205.10536>`_ (DIST, NeurIPS 2022).

    .. math::
        L = T^2 \left( \beta \frac{1}{B} \sum_{i=1}^{B}
            \big(1 - r(Y^t_{i,:}, Y^s_{i,:})\big)
            + \gamma \frac{1}{K} \sum_{j=1}^{K}
            \big(1 - r(Y^t_{:,j}, Y^s_{:,j})\big) \right)

    where :math:`Y` are the probabilities of B samples and K classes at the temperature
    T, of the target t and of the source s, and r is Pearson's correlation: of the
    classes of each sample (inter-class relation), and of the samples for each class
    (intra-class relation). The squared temperature is the released code's.

    Of dense predictions, (B, K, H, W), each position is a sample.

    Args:
        inter (float): beta. Defaults to 1.0.
        intra (float): gamma. Defaults to 1.0.
        temperature (float): T. Defaults to 1.0, the authors' for ImageNet; they have 4
            for CIFAR-100.
        loss_weight (float): Factor of the loss. Defaults to 1.0.

    Raises:
        ValueError: If both weights are 0; in the forward pass, if the shapes differ.
    """

    def __init__(
        self,
        inter: Weight = 1.0,
        intra: Weight = 1.0,
        temperature: Temperature = 1.0,
        loss_weight: Weight = 1.0,
    ) -> None:
        super().__init__(loss_weight)
        if not inter and not intra:
            raise ValueError(
                'DISTLoss: inter and intra are both 0: there is nothing to compare'
            )
        self.inter = inter
        self.intra = intra
        self.temperature = temperature

    def level_loss(self, target: Tensor, source: Tensor, **extra: Any) -> Tensor:
        """The loss of one level.

        Args:
            target (Tensor): Logits of what learns, shape (B, K) or (B, K, H, W).
            source (Tensor): Logits of the reference, the same shape.
            **extra: Not used.

        Returns:
            Tensor: A scalar.
        """
        self.require_same_shape(target, source, 1)
        if target.size(1) < 2:
            raise ValueError(
                f'DISTLoss: the logits have shape {tuple(target.shape)}; relations of '
                'classes need two classes or more'
            )
        own, other = (
            (side.movedim(1, -1).flatten(0, -2) / self.temperature).softmax(1)
            for side in (target, source)
        )
        loss = own.new_zeros(())
        if self.inter:
            loss = loss + self.inter * pearson_distance(own, other, (1,))
        if self.intra:
            loss = loss + self.intra * pearson_distance(own, other, (0,))
        return self.temperature**2 * loss
