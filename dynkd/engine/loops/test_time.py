# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Test-time augmentation of streams."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseTTAModel
from torch import nn

from dynkd.models.streams import Stream
from dynkd.utils import distillation_in, unwrap


def predict(model: nn.Module, data: Any, names: Sequence[str]) -> dict[str, Sequence]:
    """Predict a batch with several streams, augmented if the run does so.

    The predictions for the augmented images of a sample are merged stream by stream.

    Args:
        model (nn.Module): The model of the runner.
        data (dict): A batch as the data loader returns it; with test-time augmentation,
            several for each sample.
        names (sequence of str): The streams, and branches.

    Returns:
        dict[str, list]: The predictions of each.

    Raises:
        ValueError: If branches are to be predicted with test-time augmentation.
    """
    tta, distillation = unwrap(model), distillation_in(model)
    if not isinstance(tta, BaseTTAModel):
        return distillation.predict_streams(data, names)
    found: dict[str, Sequence] = {}
    for name in names:
        if name not in distillation.all_streams:
            raise ValueError(
                f'test-time augmentation predicts with whole streams, not `{name}`. '
                'Leave `branches=True` out.'
            )
        tta.module = _StreamTester(distillation.stream(name))
        try:
            found[name] = tta.test_step(data)
        finally:
            tta.module = distillation
    return found


class _StreamTester(nn.Module):
    """What a model for test-time augmentation asks for predictions.

    Args:
        stream (Stream): The stream that predicts.
    """

    def __init__(self, stream: Stream) -> None:
        super().__init__()
        self._stream = stream

    def test_step(self, data: dict[str, Any]) -> list:
        """Predict a batch of one augmentation.

        Args:
            data (dict): The batch.

        Returns:
            list: The predictions.
        """
        batch = self._stream.prepare(data, False)
        return self._stream.predict(batch)[self._stream.name]
