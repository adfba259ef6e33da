# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What all generated transfers share."""

from abc import ABCMeta, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch.nn as nn
from mmengine.registry import DefaultScope

from dynkd.registry import TRANSFER_GROUPS

if TYPE_CHECKING:
    from dynkd.models.algorithms.stream import Stream


class TransferGroup(metaclass=ABCMeta):
    """Transfers that one short config stands for.

    In ``transfers`` a group stands where a transfer would; its ``type`` tells it from
    one. It is replaced by the transfers that :meth:`expand` writes, whose names begin
    with the group's: phases and logs name those.
    """

    @abstractmethod
    def expand(
        self, models: Mapping[str, nn.Module], specs: Mapping[str, 'Stream']
    ) -> dict[str, dict]:
        """Write the transfers.

        Args:
            models (dict[str, nn.Module]): The streams' models.
            specs (dict[str, Stream]): What the config says about the streams: which
                are frozen, and the shapes of their inputs.

        Returns:
            dict[str, dict]: Configs of transfers, by the ends of their names.

        Raises:
            ValueError: If a stream does not exist or has not what the group needs.
        """


def expand_groups(
    cfgs: Mapping[str, dict],
    models: Mapping[str, nn.Module],
    specs: Mapping[str, 'Stream'],
) -> dict[str, dict]:
    """Replace the groups among transfers by what they stand for.

    Args:
        cfgs (dict[str, dict]): Configs of transfers and groups by name.
        models (dict[str, nn.Module]): The streams' models.
        specs (dict[str, Stream]): What the config says about the streams.

    Returns:
        dict[str, dict]: Configs of transfers by name.

    Raises:
        ValueError: If a group cannot be expanded; names the group.
    """
    expanded: dict[str, dict] = {}
    for name, cfg in cfgs.items():
        if not isinstance(cfg, Mapping) or 'type' not in cfg:
            expanded[name] = cfg
            continue
        own = {key: value for key, value in cfg.items() if key != '_scope_'}
        try:
            with DefaultScope.overwrite_default_scope('dynkd'):
                group = TRANSFER_GROUPS.build(own)
            found = group.expand(models, specs)
        except (TypeError, ValueError, KeyError) as error:
            raise type(error)(f'transfers `{name}`: {error}') from error
        for end, transfer in found.items():
            expanded[f'{name}_{end}'] = transfer
    return expanded


def model_of(models: Mapping[str, nn.Module], stream: str) -> nn.Module:
    """The model of a stream that a group names.

    Args:
        models (dict[str, nn.Module]): The streams' models.
        stream (str): Name of the stream.

    Returns:
        nn.Module: Its model.

    Raises:
        ValueError: If there is no such stream.
    """
    if stream not in models:
        raise ValueError(
            f'there is no stream `{stream}`. Streams: {", ".join(models)}.'
        )
    return models[stream]


def branch_taps(model: nn.Module, stream: str, part: str) -> list[str]:
    """Taps of a part of each of a stream's branches, shallow to deep.

    Args:
        model (nn.Module): The stream's model.
        stream (str): Name of the stream.
        part (str): ``'fc'`` (logits) or ``'features'`` (the vector before it).

    Returns:
        list[str]: The taps; none for a stream without branches.
    """
    branches: Sequence[Any] = getattr(model, 'branches', ())
    return [f'{stream}.branches.{index}.{part}' for index in range(len(branches))]


def check_weights(weights: Mapping[str, Any]) -> None:
    """Refuse weights that would let a stream unlearn.

    Args:
        weights (dict[str, float or dict]): Numbers, and configs of schedules, by the
            names of a group's arguments.

    Raises:
        ValueError: If a number is negative.
    """
    for name, weight in weights.items():
        if not isinstance(weight, Mapping) and weight < 0:
            raise ValueError(f'`{name}` must not be negative, but is {weight}.')
