# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Rows: the predictions of all taps for one sample."""

import torch
from torch import Tensor

from .codecs import Codec


class RowLayout:
    """Where each tap's bytes lie in a sample's row: one behind the other.

    Args:
        codecs (dict[str, Codec]): The codec of each tap.

    Attributes:
        row_bytes (int): Bytes of a row.
    """

    def __init__(self, codecs: dict[str, Codec]) -> None:
        self.codecs = codecs
        self.row_bytes = sum(codec.row_bytes for codec in codecs.values())

    def encode(self, logits: dict[str, Tensor]) -> Tensor:
        """Turn logits into rows.

        Args:
            logits (dict[str, Tensor]): Shape (B, K) for each tap.

        Returns:
            Tensor: Shape (B, row_bytes + 1), uint8: the rows, and behind each whether
            all of its probabilities are finite.
        """
        given = [logits[tap].detach().float() for tap in self.codecs]
        # Without a greatest logit, probabilities are not numbers; -inf is a logit.
        finite = torch.stack([own.amax(1).isfinite() for own in given]).all(0)
        parts = [codec.encode(own) for codec, own in zip(self.codecs.values(), given)]
        return torch.cat([*parts, finite[:, None].to(torch.uint8)], 1)

    def decode(
        self, rows: Tensor, seen: Tensor, labels: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Turn rows into probabilities.

        Args:
            rows (Tensor): Shape (B, row_bytes), uint8.
            seen (Tensor): Shape (B,), bool: whether a row holds predictions.
            labels (dict[str, Tensor]): Shape (B, K) for each tap that is wanted: what
                stands where there are none.

        Returns:
            dict[str, Tensor]: Probabilities of shape (B, K), float32, on the labels'
            device.
        """
        # What was never written may be anything, class numbers that there are not, too.
        rows = rows.masked_fill(~seen[:, None], 0)
        found, begin = {}, 0
        for tap, codec in self.codecs.items():
            end = begin + codec.row_bytes
            if tap in labels:
                label = labels[tap].float()
                own = codec.decode(rows[:, begin:end].to(label.device))
                found[tap] = torch.where(seen.to(label.device)[:, None], own, label)
            begin = end
        return found
