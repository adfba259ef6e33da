# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How many classes the tapped classifiers predict."""

import re
from collections.abc import Mapping, Sequence

from torch import nn

from dynkd.models.streams import Stream
from dynkd.models.taps import Tap

#: Heads whose output, or its first item, is class scores.
_HEADS = re.compile(r'(?:cls_)?head|(?:roi_head\.)?bbox_head(?:\.\d+)?')
#: Heads of MMSegmentation, whose two classes may share one score.
_MAPS = re.compile(r'(?:decode|auxiliary)_head(?:\.\d+)?')


def class_channels(
    taps: Sequence[Tap], streams: Mapping[str, Stream]
) -> tuple[int, ...]:
    """How many class scores the classifiers at some taps may have.

    Args:
        taps (sequence of Tap): The taps.
        streams (dict[str, Stream]): The streams by name.

    Returns:
        tuple[int, ...]: The numbers of scores of one prediction, with the background
        where the head counts one; nothing if a tap is not one of class scores.
    """
    found = [_channels(tap, streams[tap.stream].model) for tap in taps]
    return tuple(sorted(set().union(*found))) if all(found) else ()


def _channels(tap: Tap, model: nn.Module) -> set[int]:
    """The numbers for one tap."""
    module = tap.find(model)
    if isinstance(module, nn.Linear):
        return {module.out_features}
    if _MAPS.fullmatch(tap.module):
        scores = getattr(module, 'out_channels', None)
        return {scores} if isinstance(scores, int) and not tap.indices else set()
    boxes = tap.module.endswith('bbox_head') or '.bbox_head.' in tap.module
    classes = getattr(module, 'num_classes', None)
    if not _HEADS.fullmatch(tap.module) or not isinstance(classes, int):
        return set()
    if boxes and tap.indices[:1] not in ((), (0,)):
        return set()
    dense = getattr(module, 'cls_out_channels', None)
    if isinstance(dense, int):
        return {dense}
    # A head on proposals has a score for the background too, unless it is for sigmoid.
    return {classes, classes + 1} if boxes else {classes}
