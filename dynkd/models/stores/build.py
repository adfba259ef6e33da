# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Building the stores of a distillation."""

from collections.abc import Collection, Mapping
from typing import Any

from mmengine.registry import DefaultScope

from dynkd.registry import STORES
from dynkd.utils import named, without_scope

from .prediction_store import PredictionStore


def build_stores(
    cfgs: Mapping[str, Any], streams: Collection[str]
) -> dict[str, PredictionStore]:
    """Build stores, with the name of the store in each error.

    Args:
        cfgs (dict[str, dict]): Their configs by name.
        streams (collection of str): Names of the streams.

    Returns:
        dict[str, PredictionStore]: The stores by name.

    Raises:
        ValueError: If a store has the name of a stream, or a config is wrong.
    """
    stores = {}
    for name, cfg in without_scope(cfgs).items():
        if name in streams or not name.isidentifier():
            raise ValueError(
                'the name of a store must be a valid identifier and not that of a '
                f'stream, got `{name}`.'
            )
        with named(f'store `{name}`'), DefaultScope.overwrite_default_scope('dynkd'):
            stores[name] = STORES.build(
                dict(dict(type='PredictionStore'), **without_scope(cfg))
            )
    return stores
