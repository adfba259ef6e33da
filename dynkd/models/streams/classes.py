# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The classes that the models of streams predict."""

from collections.abc import Mapping
from typing import Any, Optional

from .stream import Stream

#: Where models keep the head that classifies.
_HEADS = (
    'head',
    'cls_head',
    'bbox_head',
    'roi_head.bbox_head',
    'roi_head.bbox_head.0',
    'decode_head',
)


def class_count(model: Any) -> Optional[int]:
    """How many classes a model predicts.

    Args:
        model (nn.Module): The model of a stream.

    Returns:
        int or None: The number; None where its head does not say so.
    """
    modules = dict(model.named_modules())
    for head in _HEADS:
        count = getattr(modules.get(head), 'num_classes', None)
        if isinstance(count, int):
            return count
    return None


def mix_labels_alike(streams: Mapping[str, Stream], main: str) -> None:
    """Have frozen streams mix labels of as many classes as the main stream has.

    Mixup and CutMix write labels as scores of all classes, of which a frozen stream
    reads none. With fewer classes than the labels have, it could not write them.

    Args:
        streams (dict[str, Stream]): The streams by name.
        main (str): Name of the main stream.
    """
    own = getattr(streams[main].model, 'data_preprocessor', None)
    count = getattr(own, 'num_classes', None)
    if count is None:
        return
    for stream in streams.values():
        preprocessor: Any = getattr(stream.model, 'data_preprocessor', None)
        if stream.cfg.frozen and hasattr(preprocessor, 'num_classes'):
            preprocessor.num_classes = count
