# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Numbers of optimizers with which something can be learned."""

from collections.abc import Mapping
from typing import Any, Optional

from dynkd.utils import check_field
from dynkd.utils.kinds import Positive, Weight

#: What no optimizer takes below zero.
_RATES = ('lr', 'initial_lr', 'weight_decay', 'momentum', 'eps', 'dampening')
_CLIPS = ('max_norm', 'clip_value')


def check_group(group: Mapping[str, Any], owner: str) -> None:
    """Check the numbers of an optimizer, or of a group of its parameters.

    Args:
        group (dict): Its options by name; those that are not numbers are left alone.
        owner (str): Whose they are, for messages.

    Raises:
        TypeError: If a rate is not a number.
        ValueError: If a number is not finite, or a rate is negative.
    """
    for key, value in group.items():
        if isinstance(value, (bool, type(None))):
            continue
        if key in _RATES and isinstance(value, (int, float, str)):
            check_field(value, Weight, key, owner)
        elif isinstance(value, float):
            check_field(value, float, key, owner)


def check_clip(clip: Optional[Mapping[str, Any]], owner: str) -> None:
    """Check the bound of a clipped gradient.

    Args:
        clip (dict, optional): The options of ``clip_grad``.
        owner (str): Whose they are, for messages.

    Raises:
        TypeError: If it is not a number.
        ValueError: If it is not finite, or not positive.
    """
    for key in _CLIPS:
        if clip and key in clip:
            check_field(clip[key], Positive, f'clip_grad.{key}', owner)
