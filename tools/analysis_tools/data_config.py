# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The data of a config, loaded as for a validation."""

import copy
from collections.abc import Iterator
from typing import Any

from mmengine.config import Config

#: Wrappers that show samples several times, or several samples in one.
_REPEATING = ('RepeatDataset', 'ClassBalancedDataset', 'MultiImageMixDataset')


def loader_config(cfg: Config, split: str, path: str) -> dict[str, Any]:
    """The config of a data loader.

    Training data are loaded by the pipeline of the validation or test data: a figure
    of random crops would be another one every time, and boxes that are predicted for a
    mirrored image do not fit its file.

    Args:
        cfg (Config): The config.
        split (str): ``'train'``, ``'val'`` or ``'test'``.
        path (str): The config's file, for messages.

    Returns:
        dict: A copy of the data loader's config.

    Raises:
        SystemExit: If there is none, or no such pipeline.
    """
    loader = cfg.get(f'{split}_dataloader')
    if loader is None:
        raise SystemExit(f'{path} has no {split}_dataloader.')
    loader = copy.deepcopy(dict(loader))
    if split != 'train':
        return loader
    others = (cfg.get(f'{name}_dataloader') for name in ('val', 'test'))
    pipelines = (
        own['pipeline']
        for other in others
        if other is not None
        for own in _innermost(other['dataset'])
        if own.get('pipeline')
    )
    pipeline = next(pipelines, None)
    if pipeline is None:
        raise SystemExit(
            f'{path} has no val_dataloader, by whose pipeline training data are loaded.'
        )
    loader['dataset'] = _once(loader['dataset'])
    for own in _innermost(loader['dataset']):
        own['pipeline'] = copy.deepcopy(pipeline)
    return loader


def _once(dataset: dict[str, Any]) -> dict[str, Any]:
    """A data set without what repeats or mixes its samples."""
    if str(dataset['type']).rpartition('.')[2].strip("'>") in _REPEATING:
        return _once(dataset['dataset'])
    for key, inner in _inner(dataset):
        many = isinstance(inner, (list, tuple))
        dataset[key] = [_once(own) for own in inner] if many else _once(inner)
    return dataset


def _inner(dataset: dict[str, Any]) -> list[tuple[str, Any]]:
    """The fields of a wrapper that are data sets."""
    return [(key, dataset[key]) for key in ('dataset', 'datasets') if dataset.get(key)]


def _innermost(dataset: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The data sets in wrappers, which have a pipeline."""
    inner = _inner(dataset)
    if not inner:
        yield dataset
    for _, own in inner:
        for each in own if isinstance(own, (list, tuple)) else [own]:
            yield from _innermost(each)
