# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Building the stores of a distillation."""

from collections.abc import Collection, Mapping
from keyword import iskeyword
from typing import Any

from mmengine.registry import DefaultScope

from dynkd.registry import STORES
from dynkd.utils import at, named, without_scope

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
        if name in streams or not name.isidentifier() or iskeyword(name):
            raise ValueError(
                'the name of a store must be a valid identifier and not that of a '
                f'stream, got `{name}`.'
            )
        scope = DefaultScope.overwrite_default_scope('dynkd')
        with named(f'store `{name}`'), at('stores', name), scope:
            stores[name] = STORES.build(
                dict(dict(type='PredictionStore'), **without_scope(cfg))
            )
    return stores
