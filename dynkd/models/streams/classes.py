# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""How many classes a stream's model predicts."""

from typing import Any, Optional

#: Where models keep the head that classifies.
_HEADS = ('head', 'cls_head', 'bbox_head', 'roi_head.bbox_head')


def class_count(model: Any) -> Optional[int]:
    """How many classes a model predicts.

    Args:
        model (nn.Module): The model of a stream.

    Returns:
        int or None: The number; None where its head does not say so.
    """
    for head in _HEADS:
        found: Any = model
        for part in head.split('.'):
            found = getattr(found, part, None)
        count = getattr(found, 'num_classes', None)
        if isinstance(count, int):
            return count
    return None
