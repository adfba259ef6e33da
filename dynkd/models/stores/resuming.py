# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Whether a checkpoint's predictions belong to the run that wants them."""

from typing import Any

from .slots import Slots

#: What must agree, in the order in which it is looked at, and what to call it.
_MUST_AGREE = (
    ('taps', 'these taps (and class counts)'),
    ('format', 'this format'),
    ('num_samples', 'this number of samples'),
    ('fingerprint', 'a data set of this fingerprint'),
)


def check_fits(
    state: dict[str, Any], epoch: int, meta: dict[str, Any], slots: Slots
) -> None:
    """Check that a state can be resumed.

    Args:
        state (dict[str, Any]): What the checkpoint holds.
        epoch (int): Epochs done, at which the training is resumed.
        meta (dict[str, Any]): What this run's store is like.
        slots (Slots): Its slots, not allocated yet.

    Raises:
        ValueError: If it cannot.
    """
    for key, what in _MUST_AGREE:
        theirs, ours = state['meta'][key], meta[key]
        if theirs != ours:
            raise ValueError(
                f'the checkpoint holds past predictions of {what}: {theirs}. This run '
                f'has {ours}. Resume with the config and the data set that the '
                'checkpoint was trained with, or start a new run from its weights '
                '(`load_from` without `resume`).'
            )
    if state['epoch'] != epoch:
        raise ValueError(
            f'the checkpoint holds the predictions after epoch {state["epoch"]}, but '
            f'the training is resumed after epoch {epoch}.'
        )
    if state['id'] is None or 'rows' in state or slots.find(state['id']) is not None:
        return
    if slots.folder is None:
        raise ValueError(
            "the checkpoint's past predictions are in files, not in the checkpoint: "
            'give the store the `path` that it had.'
        )
    raise ValueError(
        f'the checkpoint belongs to the predictions after epoch {epoch} of its run, '
        f'but the files in {slots.folder} (node {slots.topology.node}) hold '
        f'predictions {slots.ledger.describe()}, not those. Resume from the newest '
        'checkpoint of the run, with as many nodes; or keep the store in memory '
        '(`path=None`), and every checkpoint holds its own.'
    )
