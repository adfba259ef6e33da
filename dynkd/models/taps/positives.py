# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How many predictions of a dense head have an object."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from .tap import Tap, TapError


@dataclass(frozen=True)
class PositivesTap(Tap):
    """How many predictions of a dense head have an object, by its own assignment.

    Its module is the head's classification loss, which receives a label for each
    prediction: that of a class, or of the background, which follows the classes. So it
    counts what the head divides its classification loss by, whatever assigner it has.
    A loss that runs once for each level yields a count for each.
    """

    needs_losses: ClassVar[bool] = True

    @classmethod
    def beside(cls, tap: Tap) -> 'PositivesTap':
        """The tap that counts the positives of the head in which another tap lies.

        Args:
            tap (Tap): A tap of the head.

        Returns:
            PositivesTap: The tap.
        """
        return cls(tap.stream, f'{tap.root}.loss_cls')

    def take(
        self, module: nn.Module, args: tuple, kwargs: dict[str, Any], output: Any
    ) -> Tensor:
        """See :meth:`Tap.take`."""
        labels = args[1] if len(args) > 1 else None
        if isinstance(labels, (tuple, list)):
            labels = labels[0]  # beside them are qualities
        if not isinstance(labels, Tensor) or labels.is_floating_point():
            raise TapError(
                f'tap `{self}`: {type(module).__name__} receives no label for each '
                'prediction, so that positives cannot be counted.'
            )
        # Softmax has a prediction for the background, too.
        sigmoid = getattr(module, 'use_sigmoid', False)
        background = args[0].size(-1) - (0 if sigmoid else 1)
        return torch.sum((labels >= 0) & (labels < background))
