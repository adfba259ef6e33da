# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Rows: the predictions of all taps for one sample."""

from collections.abc import Iterator
from typing import Optional

import numpy as np
import torch
from torch import Tensor

from .codecs import Codec, build_codec

#: Bytes of the chunks in which many rows are gone through.
CHUNK_BYTES = 16 * 2**20


def check_samples(indices: Tensor, num_samples: int) -> np.ndarray:
    """Check the indices of a batch's samples.

    Args:
        indices (Tensor): Shape (B,).
        num_samples (int): Number of samples, N.

    Returns:
        np.ndarray: The indices, shape (B,), int64.

    Raises:
        IndexError: If one is not in 0 … N - 1.
    """
    samples = indices.detach().cpu().numpy().astype(np.int64)
    wrong = (samples < 0) | (samples >= num_samples)
    if wrong.any():
        raise IndexError(
            f'sample_idx {samples[wrong][0]} is not in the store of past predictions, '
            f'which was opened for {num_samples} samples.'
        )
    return samples


class RowLayout:
    """Where each tap's bytes are in a sample's row: one after another.

    Args:
        codecs (dict[str, Codec]): The codec of each tap.

    Attributes:
        row_bytes (int): Bytes of a row.
    """

    def __init__(self, codecs: dict[str, Codec]) -> None:
        self.codecs = codecs
        self.row_bytes = sum(codec.row_bytes for codec in codecs.values())

    @classmethod
    def build(
        cls, taps: dict[str, int], format: str, k: Optional[int], span: float
    ) -> 'RowLayout':
        """Build the layout of taps that are kept in one format.

        Args:
            taps (dict[str, int]): The number of classes of each tap.
            format (str): See :func:`~dynkd.models.stores.build_codec`.
            k (int, optional): See there.
            span (float): See there.

        Returns:
            RowLayout: The layout.

        Raises:
            ValueError: If k is larger than the number of classes of a tap.
        """
        codecs = {}
        for tap, classes in taps.items():
            try:
                codecs[tap] = build_codec(format, classes, k, span)
            except ValueError as error:
                raise ValueError(f'`{tap}`: {error}') from error
        return cls(codecs)

    @property
    def meta(self) -> dict[str, dict]:
        """dict[str, dict]: Class count and format of each tap, for comparisons."""
        return dict(
            taps={tap: codec.num_classes for tap, codec in self.codecs.items()},
            format={tap: codec.name for tap, codec in self.codecs.items()},
        )

    def encode(
        self, logits: dict[str, Tensor]
    ) -> tuple[np.ndarray, Iterator[np.ndarray]]:
        """Turn logits into rows.

        Args:
            logits (dict[str, Tensor]): Shape (B, K) for each tap.

        Returns:
            tuple[np.ndarray, Iterator[np.ndarray]]: Whether all of a sample's
            probabilities are finite, shape (B,), bool; and the rows, uint8, in parts
            of shape (B, bytes), in the order of the row.
        """
        given = [logits[tap].detach().float() for tap in self.codecs]
        # Without a greatest logit, probabilities are not numbers; -inf is a logit.
        finite = torch.stack([own.amax(1).isfinite() for own in given]).all(0)
        # One after another, so that each part is still in the cache when it is stored.
        parts = (codec.encode(own) for codec, own in zip(self.codecs.values(), given))
        if finite.device.type == 'cpu':
            return finite.numpy(), (part.numpy() for part in parts)
        # One transfer from the device.
        sent = torch.cat([finite[:, None].to(torch.uint8), *parts], 1).cpu().numpy()
        return sent[:, 0].astype(bool), iter([sent[:, 1:]])

    def check(self, rows: np.ndarray, seen: np.ndarray) -> None:
        """Reject rows that no predictions were written into.

        Args:
            rows (np.ndarray): Shape (N, row_bytes), uint8.
            seen (np.ndarray): Shape (N,), 1 where there is a prediction, else 0.

        Raises:
            ValueError: If rows are NaN, or are not predictions in another way.
        """
        size = max(CHUNK_BYTES // max(self.row_bytes, 1), 1)
        damaged = int((seen > 1).sum())
        for begin in range(0, len(rows), size):
            there = seen[begin : begin + size] == 1
            own = torch.from_numpy(rows[begin : begin + size][there])
            intact = torch.ones(len(own), dtype=torch.bool)
            edge = 0
            for codec in self.codecs.values():
                intact &= codec.intact(own[:, edge : edge + codec.row_bytes])
                edge += codec.row_bytes
            damaged += int((~intact).sum())
        if damaged:
            raise ValueError(
                f'the past predictions of {damaged} of {len(rows)} samples are '
                'damaged: they are NaN, or not probabilities. Resume from another '
                'checkpoint, or start a new run from its weights (`load_from` without '
                '`resume`).'
            )

    def decode(
        self, rows: Tensor, seen: Tensor, labels: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Turn rows into probabilities.

        Args:
            rows (Tensor): Shape (B, row_bytes), uint8.
            seen (Tensor): Shape (B,), bool, in the processor's memory: whether a row
                holds predictions.
            labels (dict[str, Tensor]): Shape (B, K) for each requested tap: returned
                where a row holds no prediction.

        Returns:
            dict[str, Tensor]: Probabilities of shape (B, K), float32, on the labels'
            device.
        """
        # Rows that were never written may hold anything, even invalid class indices.
        if not seen.numpy().all():
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
