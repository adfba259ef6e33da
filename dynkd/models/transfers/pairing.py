# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which source teaches which target, where a transfer has several."""

from collections.abc import Sequence
from typing import Union

from dynkd.models.taps import Tap


def pair_taps(
    source: Union[str, Sequence[str]], target: Union[str, Sequence[str]]
) -> list[tuple[Tap, Tap]]:
    """Pair sources with targets, one against many where there is one.

    Args:
        source (str or list[str]): Taps that teach.
        target (str or list[str]): Taps that learn.

    Returns:
        list[tuple[Tap, Tap]]: Source and target of each pair.

    Raises:
        ValueError: If a tap is malformed, one tap is both source and target, the lists
            cannot be paired, or the targets are in different streams.
    """
    sides = [[side] if isinstance(side, str) else side for side in (source, target)]
    taps = [[Tap.parse(text) for text in side] for side in sides]
    count = max(map(len, taps))
    if not all(taps):
        raise ValueError('a transfer needs a source and a target, and names no taps.')
    if not all(len(side) in (1, count) for side in taps):
        raise ValueError(
            f'{len(taps[0])} sources and {len(taps[1])} targets cannot be paired: give '
            'the same number of both, or one on either side.'
        )
    pairs = list(zip(*(side * (count // len(side)) for side in taps)))
    for one, other in pairs:
        if one == other:
            raise ValueError(f'source and target are the same tap, `{one}`.')
    learners = list(dict.fromkeys(target.stream for _, target in pairs))
    if len(learners) != 1:
        raise ValueError(
            f'the targets lie in the streams {", ".join(learners)}: a transfer has '
            'one learner. Write one for each stream.'
        )
    return pairs


def check_ensemble(
    source: Union[str, Sequence[str]], target: Union[str, Sequence[str]]
) -> None:
    """Check that there are sources of which an ensemble can make one.

    Args:
        source (str or list[str]): Taps that teach.
        target (str or list[str]): Taps that learn.

    Raises:
        ValueError: If there is one source, or there are several targets.
    """
    targets = [target] if isinstance(target, str) else target
    if isinstance(source, str) or len(source) < 2 or len(targets) != 1:
        raise ValueError(
            'an `ensemble` makes one source of several, for one target: write '
            "source=['first.head', 'second.head'], target='student.head'."
        )
