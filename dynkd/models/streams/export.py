# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Export of a stream for its plain library."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional, Union

import torch
from mmengine.config import Config, ConfigDict
from mmengine.logging import print_log

from dynkd.utils import (
    NonFiniteError,
    named_types,
    not_finite,
    plain_types,
)
from dynkd.utils.atomic import replacing, write_text

from .checkpoint import BRANCHES
from .config import StreamConfig
from .plain_pipeline import names_dynkd, single_modality
from .pretrained import names_weights

#: What a plain config needs beside its model, to test and to predict.
_KEPT = (
    'default_scope',
    'env_cfg',
    'test_dataloader',
    'test_evaluator',
    'tta_model',
    'tta_pipeline',
    'val_dataloader',
    'val_evaluator',
)


def export_stream(
    stream: StreamConfig,
    state_dict: dict[str, torch.Tensor],
    cfg: Config,
    out: Union[str, Path],
    dataset_meta: Optional[dict] = None,
    branches: bool = False,
) -> Optional[Path]:
    """Write the weights of a stream, and the config that they load with.

    The code that built a model is not known, so of a built model only the weights are
    written, and the log says so.

    Args:
        stream (StreamConfig): The config of the stream.
        state_dict (dict[str, Tensor]): The weights of its model, with the model's own
            names.
        cfg (Config): The config of the distillation.
        out (str or Path): The checkpoint to write; the config is written beside it,
            with the suffix ``.py``.
        dataset_meta (dict, optional): Meta information of the data set. Defaults to
            None.
        branches (bool): Whether to keep the weights of the stream's branches, for a
            stream of another distillation; the plain library knows none. Defaults to
            False.

    Returns:
        Path or None: The config; None for a built model.

    Raises:
        NonFiniteError: If the weights are not finite.
        OSError: If a file cannot be written. The message names it.
    """
    out = Path(out)
    meta = dict(dataset_meta=plain_types(dataset_meta or {}), stream=stream.name)
    weights = {
        key: value.detach().cpu().clone()
        for key, value in state_dict.items()
        if branches or not key.startswith(BRANCHES)
    }
    bad = not_finite(weights)
    if bad is not None:
        raise NonFiniteError(
            f'{out} is not written: `{bad}` of stream `{stream.name}` is not finite.'
        )
    with replacing(out) as file:
        torch.save(dict(meta=meta, state_dict=weights), file)
    if stream.is_built:
        print_log(
            f'Stream `{stream.name}` is a built model, of which no config is known: '
            f'{out} has its weights, and no config is written beside it.',
            logger='current',
        )
        return None
    config = out.with_suffix('.py')
    write_text(config, stream_config(stream, cfg).pretty_text)
    return config


def stream_weights(
    state_dict: Mapping[str, torch.Tensor], name: str
) -> dict[str, torch.Tensor]:
    """The weights of a stream, by the names of its own model.

    Args:
        state_dict (dict[str, Tensor]): The weights of a distillation.
        name (str): Name of the stream.

    Returns:
        dict[str, Tensor]: The stream's; none where it is frozen, and so not among them.
    """
    prefix = f'streams.{name}.'
    return {
        key[len(prefix) :]: value
        for key, value in state_dict.items()
        if key.startswith(prefix)
    }


def stream_config(stream: StreamConfig, cfg: Config) -> Config:
    """The plain config of a stream: its model, and how the run tests it.

    Args:
        stream (StreamConfig): The config of the stream.
        cfg (Config): The config of the distillation.

    Returns:
        Config: A config that names nothing of DynKD; or imports it, if the model or its
        pipeline is made of what the plain library lacks. What else the run imports is
        imported.
    """
    # MMEngine wants a loop, its data and its evaluator all to be None, or none of them.
    kept = [key for key in _KEPT if cfg.get(key) is not None]
    plain = ConfigDict({key: copy.deepcopy(cfg[key]) for key in kept})
    plain.default_scope = stream.scope or plain.get('default_scope')
    plain.model = copy.deepcopy(stream.model)
    # The weights come from the checkpoint.
    _drop_pretrained(plain.model)
    if plain.default_scope == 'mmseg' and 'test_dataloader' in plain:
        # There `inference_model` reads the pipeline.
        pipeline = cfg.get('test_pipeline')
        if pipeline is None:
            pipeline = _pipeline(plain.test_dataloader.dataset)
        if pipeline is not None:
            plain.test_pipeline = copy.deepcopy(pipeline)
    for stage, loop in (('val', 'ValLoop'), ('test', 'TestLoop')):
        if f'{stage}_dataloader' in plain:
            plain[f'{stage}_cfg'] = dict(type=loop)
    # Types that were imported, in MMEngine's Python style, by their names.
    found = _scoped(named_types(plain.to_dict()), plain.default_scope)
    if stream.input is not None:
        found = single_modality(found, stream.input)
    imports = _imports(stream, cfg)
    if names_dynkd(found):
        imports.append('dynkd')
    if imports:
        found['custom_imports'] = dict(imports=imports, allow_failed_imports=False)
    return Config(found)


def _pipeline(dataset: Mapping[str, Any]) -> Optional[list]:
    """The pipeline of a data set, or of the first one in a wrapper."""
    inner = dataset.get('dataset') or next(iter(dataset.get('datasets') or ()), None)
    found = dataset.get('pipeline')
    return _pipeline(inner) if found is None and inner is not None else found


def _scoped(value: Any, default: Optional[str], scope: Optional[str] = None) -> Any:
    """Types with the library that they name by ``_scope_``, where it is another one.

    It holds for what is nested, too, and is left out.
    """
    if isinstance(value, dict):
        scope = value.get('_scope_', scope)
        found = {k: _scoped(v, default, scope) for k, v in value.items()}
        found.pop('_scope_', None)
        kind = found.get('type')
        if scope not in (None, default) and isinstance(kind, str) and '.' not in kind:
            found['type'] = f'{scope}.{kind}'
        return found
    if isinstance(value, (list, tuple)):
        return type(value)(_scoped(item, default, scope) for item in value)
    return value


def _imports(stream: StreamConfig, cfg: Config) -> list[str]:
    """The modules of the user that the run, or the config of the stream, imports."""
    names: list[str] = []
    for given in (cfg.get('custom_imports'), stream.custom_imports):
        imports = (given or {}).get('imports') or []
        names += [imports] if isinstance(imports, str) else list(imports)
    return [name for name in dict.fromkeys(names) if name != 'dynkd']


def _drop_pretrained(model: Any) -> None:
    """Drop references to pretrained weights, which the checkpoint replaces."""
    if isinstance(model, dict):
        init = model.get('init_cfg')
        if isinstance(init, (list, tuple)):
            model['init_cfg'] = [own for own in init if not names_weights(own)]
        elif names_weights(init):
            model['init_cfg'] = None
        if isinstance(model.get('pretrained'), str):
            model['pretrained'] = None
        for value in model.values():
            _drop_pretrained(value)
    elif isinstance(model, (list, tuple)):
        for value in model:
            _drop_pretrained(value)
