# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Weights of a checkpoint that are numbers."""

from typing import Any

from .checkpoints import CheckpointError

#: How the names of weights end that are never infinite.
_LEARNED = ('weight', 'bias', 'running_mean', 'running_var')


def check_finite(state: Any, name: str) -> None:
    """Refuse weights that are no numbers.

    Args:
        state (dict[str, Tensor]): The weights.
        name (str): The file that they are from, for messages.

    Raises:
        CheckpointError: If one is NaN, or infinite where that can only be an overflow.
    """
    bad = [key for key, value in state.items() if not _is_finite(key, value)]
    if bad:
        more = f' and {len(bad) - 1} more' if len(bad) > 1 else ''
        raise CheckpointError(
            f'{name} holds weights that are not finite: `{bad[0]}`{more}. Its training '
            'has diverged; take a checkpoint from before that.'
        )


def _is_finite(key: str, value: Any) -> bool:
    """Whether a value of a state dict can be computed with."""
    floating = getattr(value, 'is_floating_point', None)
    if floating is None or not floating():
        return True
    if key.endswith(_LEARNED):
        return bool(value.isfinite().all())
    return not value.isnan().any()  # a mask of attention is infinite
