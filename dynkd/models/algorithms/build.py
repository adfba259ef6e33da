# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Building the parts of a distillation from their configs."""

from collections.abc import Collection

from mmengine.registry import DefaultScope

from dynkd.models.stores import PredictionStore
from dynkd.registry import STORES

from .transfer import Transfer


def build_transfers(cfgs: dict[str, dict]) -> dict[str, Transfer]:
    """Build transfers, each error with the name of its transfer.

    Args:
        cfgs (dict[str, dict]): Their configs by name.

    Returns:
        dict[str, Transfer]: The transfers by name.

    Raises:
        ValueError: If a name is not that of a loss, or a config does not hold.
    """
    transfers = {}
    for name, cfg in cfgs.items():
        if name == '_scope_':
            continue
        if 'loss' not in name or '.' in name:
            raise ValueError(
                f'transfer `{name}`: the name must contain "loss" and no dot, as the '
                'names of losses do, or it would not be added to the total.'
            )
        try:
            transfers[name] = Transfer(**{k: v for k, v in cfg.items() if k[0] != '_'})
        except (TypeError, ValueError, KeyError) as error:
            raise type(error)(f'transfer `{name}`: {error}') from error
    return transfers


def build_stores(
    cfgs: dict[str, dict], streams: Collection[str]
) -> dict[str, PredictionStore]:
    """Build stores, each error with the name of its store.

    Args:
        cfgs (dict[str, dict]): Their configs by name.
        streams (collection of str): Names of the streams.

    Returns:
        dict[str, PredictionStore]: The stores by name.

    Raises:
        ValueError: If a store is named like a stream, or a config does not hold.
    """
    stores = {}
    for name, cfg in cfgs.items():
        if name == '_scope_':
            continue
        if name in streams or not name.isidentifier():
            raise ValueError(
                f'a store is named like a variable and unlike a stream, not `{name}`.'
            )
        own = {key: value for key, value in cfg.items() if key != '_scope_'}
        own.setdefault('type', 'PredictionStore')
        try:
            with DefaultScope.overwrite_default_scope('dynkd'):
                stores[name] = STORES.build(own)
        except (TypeError, ValueError) as error:
            raise type(error)(f'store `{name}`: {error}') from error
    return stores
