# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The streams of a config as what they are without a distillation: plain models."""

import copy
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.registry import MODELS, DefaultScope
from torch import nn


def without_weights(model: Any) -> Any:
    """A model config that starts from nothing, so that nothing is downloaded.

    Args:
        model (Any): The config, or a part of it.

    Returns:
        Any: A copy, in which every ``init_cfg`` from a checkpoint is None.
    """
    if isinstance(model, dict):
        copied = {key: without_weights(value) for key, value in model.items()}
        init = copied.get('init_cfg')
        if isinstance(init, dict) and init.get('type') == 'Pretrained':
            copied['init_cfg'] = None
        if isinstance(copied.get('pretrained'), str):
            copied['pretrained'] = None
        return ConfigDict(copied)
    if isinstance(model, (list, tuple)):
        return type(model)(without_weights(value) for value in model)
    return model


def read_streams(cfg: Config, keep_weights: bool = False) -> dict[str, Any]:
    """Find the whole model of each stream.

    Args:
        cfg (Config): The config; a plain model is a stream of the name ``model``.
        keep_weights (bool): Whether the model keeps what it starts from. Defaults to
            False.

    Returns:
        dict[str, StreamConfig]: The streams, without checkpoints.
    """
    from dynkd.models.streams import StreamConfig, stream_fields
    from dynkd.utils import shared_preprocessor

    preprocessor = shared_preprocessor(cfg)
    streams = cfg.model.get('streams') or dict(model=dict(model=cfg.model))
    found = {}
    with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmengine')):
        for name, settings in streams.items():
            fields = stream_fields(name, copy.deepcopy(settings))
            settings = dict(fields, checkpoint=None)
            found[name] = StreamConfig.from_cfg(name, settings, preprocessor)
            if not keep_weights:
                found[name].model = without_weights(found[name].model)
    return found


def build(stream: Any) -> nn.Module:
    """Build the plain model of a stream, in evaluation mode.

    Args:
        stream (StreamConfig): The stream.

    Returns:
        nn.Module: Its model, without branches.
    """
    with DefaultScope.overwrite_default_scope(stream.scope):
        return MODELS.build(stream.model).eval()
