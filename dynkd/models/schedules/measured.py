# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Numbers that are measured while training, usable like a schedule."""

from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from dynkd.registry import MODELS, SCHEDULES


class Measured(nn.Module):
    """A number that is measured while training.

    A schedule is a function of the progress alone. A measured number has a state. The
    state is in buffers, so that a resumed training continues with it, and the buffers
    keep their precision when the model is cast.
    """

    def _apply(self, fn: Any, *args: Any, **kwargs: Any) -> 'Measured':
        """Move what is measured, but keep its precision."""
        before = dict(self._buffers)
        super()._apply(fn, *args, **kwargs)
        for name, old in before.items():
            new = self._buffers[name]
            if old is not None and new is not None and new.dtype != old.dtype:
                self._buffers[name] = old.to(new.device)
        return self

    def reread(self) -> None:
        """Look at the buffers again, which something else has set."""


def names_measured(
    cfg: Mapping[str, Any], kind: type, owner: str, examples: str
) -> bool:
    """Whether a config is that of a measurement, and not that of a schedule.

    Args:
        cfg (dict): The config of a number.
        kind (type): The class of the measurements that are possible.
        owner (str): What the number is, for messages: ``'PriorKnowledge: ratio'``.
        examples (str): The measurements there are, for messages.

    Returns:
        bool: Whether it is.

    Raises:
        ValueError: If it names neither a measurement nor a schedule.
    """
    name = cfg.get('type')
    with DefaultScope.overwrite_default_scope('dynkd'):
        found = MODELS.get(name) if isinstance(name, str) else name
        if isinstance(found, type) and issubclass(found, kind):
            return True
        if isinstance(name, str) and SCHEDULES.get(name) is None:
            raise ValueError(
                f'{owner} names {name!r}, which is neither a measurement ({examples}) '
                "nor a schedule ('LinearSchedule', 'ExponentialSchedule', ...)"
            )
    return False


def finite_row(terms: Tensor) -> Tensor:
    """A measurement, and that there was one.

    Args:
        terms (Tensor): What was measured, shape (terms,).

    Returns:
        Tensor: The terms and a 1, shape (terms + 1,). All zeros if one of them
        overflowed in half precision: it is skipped, as its gradients are.
    """
    row = torch.cat((terms, terms.new_ones(1)))
    return torch.where(row.isfinite().all(), row, torch.zeros_like(row))


def mean_over_processes(row: Tensor) -> Tensor:
    """The mean of what the processes measured.

    Args:
        row (Tensor): A row of :func:`finite_row`, or zeros where nothing was measured.

    Returns:
        Tensor: The mean over the processes that measured, and a 1; zeros if none did.
    """
    row = row.clone()
    all_reduce(row)
    return row / row[-1].clamp(min=1)
