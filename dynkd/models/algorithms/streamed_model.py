# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""A model of several streams: where their weights are, and in which mode."""

from collections.abc import Mapping
from typing import Any, Optional, Union

import torch
from mmengine.model import BaseModel
from torch import nn
from typing_extensions import Self

from dynkd.models.streams import (
    Batches,
    RawBatches,
    Stream,
    StreamConfig,
    check_streams_in,
    missing_stream,
    mix_labels_alike,
    order_streams,
    share_proposals,
)
from dynkd.utils import without_scope


class StreamedModel(BaseModel):
    """A model of several streams, some of which may be frozen.

    Args:
        streams (dict[str, dict, str or nn.Module]): The streams by name, each as
            :class:`~dynkd.models.streams.StreamConfig` has it.
        data_preprocessor (dict, optional): The data preprocessor of streams whose model
            names none. Defaults to None.

    Raises:
        ValueError: If a stream cannot be built, or all are frozen.
    """

    def __init__(
        self,
        streams: Mapping[str, Union[str, dict, nn.Module]],
        data_preprocessor: Optional[dict] = None,
    ) -> None:
        super().__init__(RawBatches())
        configs = {
            name: StreamConfig.from_cfg(name, cfg, data_preprocessor)
            for name, cfg in without_scope(streams).items()
        }
        #: Names of the streams, in the order in which they run.
        self.order = order_streams(configs)
        #: All streams by name, the frozen ones included.
        self.all_streams = {n: Stream(cfg, cfg.build()) for n, cfg in configs.items()}
        # A frozen stream's model is deliberately not registered: it is neither in
        # `parameters()`, and so in no optimizer or gradient bucket, nor in
        # `state_dict()`.
        self.streams = nn.ModuleDict(
            {n: s.model for n, s in self.all_streams.items() if not s.cfg.frozen}
        )
        if not self.streams:
            raise ValueError('all streams are frozen: there is nothing to train.')
        share_proposals(self.all_streams)
        mix_labels_alike(self.all_streams, self.main_stream)
        self.batches = Batches(self.all_streams)

    def stream(self, name: str) -> Stream:
        """A stream: its ``model``, its ``cfg``, and how it runs.

        Args:
            name (str): Name of the stream.

        Returns:
            Stream: The stream.

        Raises:
            KeyError: If there is no such stream.
        """
        if name not in self.all_streams:
            raise KeyError(missing_stream(name, self.all_streams))
        return self.all_streams[name]

    @property
    def main_stream(self) -> str:
        """str: The stream whose predictions :meth:`val_step` returns."""
        return 'student' if 'student' in self.all_streams else list(self.streams)[-1]

    @property
    def constant_streams(self) -> list[str]:
        """list[str]: The streams that training does not change."""
        return [name for name, s in self.all_streams.items() if s.cfg.frozen]

    @property
    def _frozen_models(self) -> list[BaseModel]:
        """list[BaseModel]: The models of the frozen streams."""
        return [s.model for s in self.all_streams.values() if s.cfg.frozen]

    def init_weights(self) -> None:
        """Initialise what neither a checkpoint nor a builder has."""
        for name in self.streams:
            self.all_streams[name].init_weights()

    def train(self, mode: bool = True) -> Self:
        """Set the mode of the streams that learn; frozen streams stay in evaluation
        mode.

        Args:
            mode (bool): Whether to train. Defaults to True.

        Returns:
            StreamedModel: Itself.
        """
        super().train(mode)
        for stream in self.all_streams.values():
            stream.train(mode)
        return self

    def _apply(self, fn: Any, *args: Any, **kwargs: Any) -> Self:
        """Move and cast the frozen streams too."""
        for model in self._frozen_models:
            model._apply(fn, *args, **kwargs)
        return super()._apply(fn, *args, **kwargs)

    def _set_device(self, device: torch.device) -> None:
        """Tell the data preprocessors of the frozen streams too."""
        for model in self._frozen_models:
            model._set_device(device)
        super()._set_device(device)

    def _load_from_state_dict(
        self, state_dict: dict[str, torch.Tensor], prefix: str, *args: Any
    ) -> None:
        """Reject checkpoints that contain no stream's weights: MMEngine only warns."""
        check_streams_in(state_dict, prefix, list(self.streams))
        super()._load_from_state_dict(state_dict, prefix, *args)
