# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Building the transfers of a distillation, and expanding groups."""

from collections.abc import Mapping
from typing import Any

from mmengine.registry import DefaultScope

from dynkd.models.streams import Stream
from dynkd.registry import TRANSFER_GROUPS
from dynkd.utils import at, named, without_scope

from .transfer import Transfer


def build_transfers(
    cfgs: Mapping[str, Any], streams: Mapping[str, Stream]
) -> dict[str, Transfer]:
    """Build transfers, with the name of the transfer in each error.

    Args:
        cfgs (dict[str, dict]): Configs of transfers and groups by name.
        streams (dict[str, Stream]): The streams by name.

    Returns:
        dict[str, Transfer]: The transfers by name.

    Raises:
        TypeError: If a transfer is not written as a dict.
        ValueError: If a name is not that of a loss, or a config is wrong.
    """
    transfers = {}
    for name, cfg in expand_groups(without_scope(cfgs), streams).items():
        if 'loss' not in name or '.' in name:
            raise ValueError(
                f'transfer `{name}`: the name must contain "loss" and no dot, as the '
                'names of losses do, or it would not be added to the total.'
            )
        if name == 'loss' or '/' in name:
            raise ValueError(
                f'transfer `{name}`: `loss` is the total in the log, and names with a '
                'slash are those of a stream. Call it `loss_kld`, for example.'
            )
        if not isinstance(cfg, Mapping):
            raise TypeError(
                f'transfer `{name}` is a dict of `source`, `target` and `loss`, not '
                f'{cfg!r}.'
            )
        with named(f'transfer `{name}`'), at('transfers', name):
            transfers[name] = Transfer(**without_scope(cfg))
        transfers[name].name = name
    return transfers


def starts_from_scratch(cfgs: Mapping[str, Any]) -> bool:
    """Whether a method among the transfers starts its teacher from scratch.

    Args:
        cfgs (dict[str, dict]): Configs of transfers and groups by name.

    Returns:
        bool: Whether one does.
    """
    kinds = [cfg.get('type') for cfg in cfgs.values() if isinstance(cfg, Mapping)]
    groups = [TRANSFER_GROUPS.get(k) if isinstance(k, str) else k for k in kinds]
    return any(getattr(group, 'from_scratch', False) for group in groups)


def expand_groups(
    cfgs: Mapping[str, Any], streams: Mapping[str, Stream]
) -> dict[str, Any]:
    """Replace the groups among transfers by the transfers that they expand to.

    Args:
        cfgs (dict[str, dict]): Configs of transfers and groups by name.
        streams (dict[str, Stream]): The streams by name.

    Returns:
        dict[str, dict]: Configs of transfers by name.

    Raises:
        ValueError: If a group cannot be expanded; names the group.
    """
    expanded: dict[str, Any] = {}
    for name, cfg in cfgs.items():
        if not isinstance(cfg, Mapping) or 'type' not in cfg:
            expanded[name] = cfg
            continue
        with named(f'transfers `{name}`'):
            with DefaultScope.overwrite_default_scope('dynkd'), at('transfers', name):
                group = TRANSFER_GROUPS.build(without_scope(cfg))
            found = group.expand(streams)
        for end, transfer in found.items():
            expanded[f'{name}_{end}'] = transfer
    return expanded
