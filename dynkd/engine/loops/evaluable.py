# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Which streams can be evaluated by the metrics of the main stream."""

import logging
from typing import Any, Optional

from mmengine.logging import print_log

from dynkd.models.streams import class_count

#: Libraries whose metrics read the predictions of their own models only.
_LIBRARIES = ('mmpretrain', 'mmdet', 'mmaction', 'mmseg', 'mmpose')


def evaluable(model: Any, field: str) -> list[str]:
    """The streams that the main stream's metrics can evaluate.

    A warning names the others, and how to evaluate them all the same.

    Args:
        model (Distillation): The distillation.
        field (str): The field of the config that names streams, ``'val_cfg'``.

    Returns:
        list[str]: Names of streams, the main one among them.
    """
    names = []
    for name in model.all_streams:
        reason = _reason(model, name)
        if reason is None:
            names.append(name)
            continue
        print_log(
            f'Stream `{name}` is not evaluated: {reason}. To evaluate it all the same, '
            f'name it in `{field}.streams`.',
            logger='current',
            level=logging.WARNING,
        )
    return names


def _reason(model: Any, name: str) -> Optional[str]:
    """Why the metrics of the main stream cannot evaluate a stream; None if they can."""
    main = model.main_stream
    models = [model.stream(own).model for own in (name, main)]
    own, other = map(_library, models)
    if None not in (own, other) and own != other:
        return (
            f'it is a model of {own}, whose predictions the metrics of {other} do not '
            'read'
        )
    count, known = map(class_count, models)
    if None not in (count, known) and count != known:
        return f'it predicts {count} classes, and `{main}` {known}'
    return None


def _library(model: Any) -> Optional[str]:
    """The library from which a model comes, or derives."""
    for cls in type(model).__mro__:
        library = cls.__module__.partition('.')[0]
        if library in _LIBRARIES:
            return library
    return None
