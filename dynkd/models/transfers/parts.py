# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The loss and the connectors of a transfer: built, initialised and called."""

from typing import Any, Optional, Union

import torch
from mmengine.registry import DefaultScope
from torch import nn

from dynkd.models.schedules import BoundedSchedule
from dynkd.registry import MODELS
from dynkd.utils import at

from .balanced_weight import BalancedWeight, build_weight
from .levels import takes_one_tensor
from .signatures import check_signature, extras_of, keeps_weights
from .token_maps import takes_maps

#: A loss or a connector: its config, or the module.
Part = Union[dict[str, Any], nn.Module]


class TransferParts(nn.Module):
    """The loss and the connectors of a transfer.

    Args:
        loss (dict or nn.Module): The loss. The weight of a config may be a schedule or
            measured, and is then taken out of it.
        **connectors (dict or nn.Module, optional): The connectors by the fields of the
            transfer.

    Raises:
        ValueError: If one of them cannot be called as a transfer calls it.
    """

    loss: nn.Module
    source_connector: Optional[nn.Module]
    target_connector: Optional[nn.Module]
    connector: Optional[nn.Module]
    ensemble: Optional[nn.Module]

    def __init__(self, loss: Part, **connectors: Optional[Part]) -> None:
        super().__init__()
        self.schedule: Optional[BoundedSchedule] = None
        self.balance: Optional[BalancedWeight] = None
        with DefaultScope.overwrite_default_scope('dynkd'):
            self.loss = self._build_loss(loss)
            for field, cfg in connectors.items():
                setattr(self, field, _build(cfg, field))
        given = dict(connectors, loss=loss)
        #: The parts that came built, and keep the weights that they have.
        self._built = {n for n, part in given.items() if isinstance(part, nn.Module)}
        # A module may be two parts, which `named_children` would name once.
        parts = {n: part for n, part in self._modules.items() if part is not None}
        for name, part in parts.items():
            check_signature(part, name)
        #: Which further arguments each part names in its signature.
        self._extras = {name: extras_of(part) for name, part in parts.items()}
        #: The parts that take maps.
        self._takes_maps = {name for name, part in parts.items() if takes_maps(part)}
        self._one_tensor = takes_one_tensor(self.loss)

    def _build_loss(self, loss: Part) -> nn.Module:
        """Build the loss, with the schedule or measurement of its weight taken out."""
        if isinstance(loss, nn.Module):
            return loss
        cfg = dict(loss)
        if isinstance(cfg.get('loss_weight'), dict):
            with at('loss', 'loss_weight'):
                weight = build_weight(cfg['loss_weight'])
            if isinstance(weight, BalancedWeight):
                self.balance = weight
            else:
                self.schedule = weight
            cfg['loss_weight'] = 1.0
        with at('loss'):
            return MODELS.build(cfg)

    def init_weights(self) -> None:
        """Initialise the parts that did not come built."""
        for name, part in self.named_children():
            initialise = getattr(part, 'init_weights', None)
            if callable(initialise) and name not in self._built:
                if not keeps_weights(part):
                    initialise()

    def _call(self, part: str, *args: Any, extra: dict[str, Any]) -> Any:
        """Call a part with those further arguments that its signature names."""
        wanted = {name: extra[name] for name in self._extras[part]}
        return getattr(self, part)(*args, **wanted)

    @property
    def stats_of_parts(self) -> dict[str, torch.Tensor]:
        """dict[str, Tensor]: What its loss and connectors measured in the last step."""
        found: dict[str, torch.Tensor] = {}
        for name in self._extras:
            found.update(getattr(getattr(self, name), 'stats', {}))
        return found

    def needs_data_samples(self, part: nn.Module) -> bool:
        """Whether a part receives data samples.

        Args:
            part (nn.Module): Its loss, or one of its connectors.

        Returns:
            bool: Whether the part's forward pass names ``data_samples``, or the labels
            of them.
        """
        return any(
            'data_samples' in names or 'gt_labels' in names
            for name, names in self._extras.items()
            if getattr(self, name) is part
        )


def _build(part: Optional[Part], field: str) -> Optional[nn.Module]:
    """Build a connector, if there is one."""
    if part is None or isinstance(part, nn.Module):
        return part
    with at(field):
        return MODELS.build(part)
