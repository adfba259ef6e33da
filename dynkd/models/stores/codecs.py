# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Codecs: class probabilities as bytes, and back.

They encode logits, because probabilities near 0 and 1 have lost precision, and decode
probabilities.
"""

from abc import ABC, abstractmethod
from typing import Optional

import numpy as np
import torch
from torch import Tensor

#: Lower bound of divisors and of arguments of logarithms.
_TINY = torch.finfo(torch.float32).tiny
#: By how much a probability may exceed 1.
_ROUNDING = 1e-3


class Codec(ABC):
    """Turns logits of samples into rows of bytes, and these into probabilities.

    Args:
        num_classes (int): Number of classes, K.

    Attributes:
        row_bytes (int): Bytes of a row.
        name (str): The format with its settings, for comparisons.
    """

    row_bytes: int
    name: str

    def __init__(self, num_classes: int) -> None:
        self.num_classes = num_classes

    @abstractmethod
    def encode(self, logits: Tensor) -> Tensor:
        """Turn logits into bytes.

        Args:
            logits (Tensor): Shape (B, K), float32.

        Returns:
            Tensor: Shape (B, row_bytes), uint8, on the same device.
        """

    @abstractmethod
    def decode(self, rows: Tensor) -> Tensor:
        """Turn bytes into probabilities.

        Args:
            rows (Tensor): Shape (B, row_bytes), uint8.

        Returns:
            Tensor: Shape (B, K), float32, rows that sum to 1, on the same device.
        """

    @abstractmethod
    def intact(self, rows: Tensor) -> Tensor:
        """Whether bytes can be probabilities that :meth:`encode` has written.

        Args:
            rows (Tensor): Shape (B, row_bytes), uint8.

        Returns:
            Tensor: Shape (B,), bool.
        """


class Float32Codec(Codec):
    """The probabilities as they are: 4 K bytes.

    Args:
        num_classes (int): Number of classes, K.
    """

    name = 'float32'

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.row_bytes = 4 * num_classes

    def encode(self, logits: Tensor) -> Tensor:
        """See :meth:`Codec.encode`."""
        return _to_bytes(logits.softmax(1))

    def decode(self, rows: Tensor) -> Tensor:
        """See :meth:`Codec.decode`."""
        return _from_bytes(rows, torch.float32)

    def intact(self, rows: Tensor) -> Tensor:
        """See :meth:`Codec.intact`."""
        shares = _from_bytes(rows, torch.float32)
        # What is not a number is in no range.
        return ((shares >= 0) & (shares <= 1 + _ROUNDING)).all(1)


class Float16Codec(Codec):
    """Logarithms of the probabilities in half precision: 2 K bytes.

    Probabilities themselves would lose values below 6e-8, and half of the precision of
    one minus the greatest.

    Args:
        num_classes (int): Number of classes, K.
    """

    name = 'float16'

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self.row_bytes = 2 * num_classes

    def encode(self, logits: Tensor) -> Tensor:
        """See :meth:`Codec.encode`."""
        logs = logits.log_softmax(1).clamp_min(torch.finfo(torch.float16).min)
        return _to_bytes(logs.half())

    def decode(self, rows: Tensor) -> Tensor:
        """See :meth:`Codec.decode`."""
        return _from_bytes(rows, torch.float16).float().softmax(1)

    def intact(self, rows: Tensor) -> Tensor:
        """See :meth:`Codec.intact`."""
        return _from_bytes(rows, torch.float16).isfinite().all(1)


class UInt8Codec(Codec):
    """Logarithms of the probabilities in 8 bits: K + 4 bytes.

    A class is kept as its distance x = log max p - log p, in 255 steps of
    sqrt(x / span), which are finer for large probabilities. The span is the row's own
    range, cut at ``span``. Classes in step 0 are the head. The log-odds of the rest are
    kept beside the span, both in half precision: they make the greatest probability, on
    which most of the gradient depends, nearly exact.

    Args:
        num_classes (int): Number of classes, K.
        span (float): Greatest distance kept, in nats. Defaults to 20.0.
    """

    def __init__(self, num_classes: int, span: float = 20.0) -> None:
        super().__init__(num_classes)
        # Beyond 80, exp(-span) would leave the range of float32.
        if not 0 < span <= 80:
            raise ValueError(
                f'span={span}: the span of the 8-bit format, in nats, lies in (0, 80].'
            )
        self.span = span
        self.name = f'uint8 (span {span:g})'
        self.row_bytes = num_classes + 4

    def encode(self, logits: Tensor) -> Tensor:
        """See :meth:`Codec.encode`."""
        distances = logits.amax(1, keepdim=True) - logits
        span = distances.amax(1, keepdim=True).clamp(max=self.span).half()
        kept = torch.minimum(distances, span.float())
        kept = kept.div_(span.float().clamp_min(_TINY)).sqrt_()
        codes = kept.mul_(255).round_().to(torch.uint8)
        head = codes == 0
        shares = distances.neg_().exp_()
        rest = shares.masked_fill(head, 0).sum(1, keepdim=True).clamp_min(_TINY)
        odds = rest.log() - (shares * head).sum(1, keepdim=True).log()
        scales = torch.cat([span, odds.half()], 1)
        return torch.cat([codes, _to_bytes(scales)], 1)

    def decode(self, rows: Tensor) -> Tensor:
        """See :meth:`Codec.decode`."""
        codes, scales = rows[:, : self.num_classes], rows[:, self.num_classes :]
        span, odds = _from_bytes(scales, torch.float16).float().split(1, 1)
        head = codes == 0
        # No class of the head is among the rest; a row may have no rest at all.
        rest = codes.float().square_().mul_(span / -(255**2)).exp_()
        rest = rest.masked_fill_(head, 0)
        rest_sum = rest.sum(1, keepdim=True)
        odds = odds.masked_fill(rest_sum == 0, -float('inf'))
        rest = rest.mul_(odds.sigmoid() / rest_sum.clamp_min(_TINY))
        return torch.where(head, (-odds).sigmoid() / head.sum(1, keepdim=True), rest)

    def intact(self, rows: Tensor) -> Tensor:
        """See :meth:`Codec.intact`."""
        scales = _from_bytes(rows[:, self.num_classes :], torch.float16)
        # The greatest probability is always in step 0.
        head = (rows[:, : self.num_classes] == 0).any(1)
        return scales.isfinite().all(1) & (scales[:, 0] >= 0) & head


class TopKCodec(Codec):
    """The k greatest probabilities and their classes: 4 k bytes (6 k beyond 65536).

    Logarithms in half precision and 16-bit class indices; what is left of the
    probability is spread evenly over the other classes.

    Args:
        num_classes (int): Number of classes, K.
        k (int, optional): How many are kept. Defaults to None: 20, or all where there
            are fewer classes.
    """

    def __init__(self, num_classes: int, k: Optional[int] = None) -> None:
        super().__init__(num_classes)
        k = min(20, num_classes) if k is None else k
        if not 1 <= k <= num_classes:
            raise ValueError(
                f'k={k}: the format `topk` keeps the k greatest of {num_classes} class '
                f'probabilities, so k lies in 1 … {num_classes}.'
            )
        self.k = k
        self.name = f'topk (k {k})'
        # An int16 wraps around above 32767, and is unwrapped when it is read.
        self._index = torch.int16 if num_classes <= 2**16 else torch.int32
        self.row_bytes = k * (4 if self._index == torch.int16 else 6)

    def encode(self, logits: Tensor) -> Tensor:
        """See :meth:`Codec.encode`."""
        classes = _greatest(logits, self.k)
        logs = logits.gather(1, classes) - logits.logsumexp(1, keepdim=True)
        logs = logs.clamp_min(torch.finfo(torch.float16).min)
        return torch.cat(
            [_to_bytes(logs.half()), _to_bytes(classes.to(self._index))], 1
        )

    def decode(self, rows: Tensor) -> Tensor:
        """See :meth:`Codec.decode`."""
        values, classes = self._parts(rows)
        # Rounding must not leave 0 for the others: their logarithm is taken.
        rest = (1 - values.sum(1, keepdim=True)).clamp_min(1e-7)
        rest = rest / max(self.num_classes - self.k, 1)
        found = rest.repeat(1, self.num_classes).scatter(1, classes, values)
        return found / found.sum(1, keepdim=True)

    def intact(self, rows: Tensor) -> Tensor:
        """See :meth:`Codec.intact`."""
        values, classes = self._parts(rows)
        known = (classes < self.num_classes).all(1)
        return (values <= 1 + _ROUNDING).all(1) & known

    def _parts(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The greatest probabilities, and their classes."""
        edge = 2 * self.k
        values = _from_bytes(rows[:, :edge], torch.float16).float().exp()
        classes = _from_bytes(rows[:, edge:], self._index).long() & 0xFFFFFFFF
        if self._index == torch.int16:
            classes = classes & 0xFFFF
        return values, classes


#: The formats that a store can have.
FORMATS = ('float32', 'float16', 'uint8', 'topk')


def build_codec(
    format: str, num_classes: int, k: Optional[int] = None, span: float = 20.0
) -> Codec:
    """Build the codec of a format.

    Args:
        format (str): One of :data:`FORMATS`.
        num_classes (int): Number of classes, K.
        k (int, optional): See :class:`TopKCodec`.
        span (float): See :class:`UInt8Codec`.

    Returns:
        Codec: The codec.

    Raises:
        ValueError: If there is no such format, or an option is out of its range.
    """
    if format == 'float32':
        return Float32Codec(num_classes)
    if format == 'float16':
        return Float16Codec(num_classes)
    if format == 'uint8':
        return UInt8Codec(num_classes, span)
    if format == 'topk':
        return TopKCodec(num_classes, k)
    raise ValueError(f'format={format!r}: a store has one of {", ".join(FORMATS)}.')


def _greatest(logits: Tensor, k: int) -> Tensor:
    """The classes of the k greatest logits of each row, in any order."""
    if logits.is_cuda or not len(logits):
        return logits.topk(k, 1, sorted=False).indices
    # A quarter of the time of `topk` on a CPU.
    return torch.from_numpy(np.argpartition(logits.numpy(), -k, 1)[:, -k:])


def _to_bytes(values: Tensor) -> Tensor:
    """The bytes of each row."""
    return values.contiguous().view(torch.uint8)


def _from_bytes(rows: Tensor, dtype: torch.dtype) -> Tensor:
    """The values of each row of bytes."""
    # A copy is aligned for the type; a slice may not be.
    return rows.clone(memory_format=torch.contiguous_format).view(dtype)
