# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Whether two streams see the same images."""

from typing import TYPE_CHECKING, Any

import torch.nn as nn

from dynkd.models.stores import MIXERS

from .tap import Tap

if TYPE_CHECKING:
    from .distillation import Distillation


def check_augments(model: 'Distillation', name: str, source: Tap, target: Tap) -> None:
    """Refuse to compare what two streams make of images that are mixed differently.

    Args:
        model (Distillation): The distillation.
        name (str): Name of the transfer.
        source (Tap): Tap that teaches.
        target (Tap): Tap that learns.

    Raises:
        ValueError: If the streams read the same input, and augment its batches by other
            types or other arguments.
    """
    if source.stream in model.stores:
        return
    pair = (source.stream, target.stream)
    if len({model.specs[stream].input for stream in pair} - {None}) > 1:
        return  # two modalities
    own, other = (_augments(model.stream(stream)) for stream in pair)
    if own != other:
        raise ValueError(
            f'transfer `{name}`: the streams `{pair[0]}` and `{pair[1]}` read the same '
            f'batches, but their data preprocessors augment them by {own} and by '
            f'{other}: they would see other images. Give both the same '
            '`train_cfg.augments` of the model (MMPretrain), or the same '
            f'`{"` or `".join(MIXERS)}` of the data preprocessor.'
        )


def _augments(stream: nn.Module) -> str:
    """What a stream's data preprocessor augments batches by, with its arguments."""
    preprocessor = getattr(stream, 'data_preprocessor', None)
    found = [getattr(preprocessor, key, None) for key in MIXERS]
    texts = []
    for augment in (augment for augment in found if augment is not None):
        # MMDetection has a list of them, and RandomBatchAugment draws one of several.
        several = augment if isinstance(augment, nn.ModuleList) else [augment]
        several = getattr(augment, 'augments', several)
        texts += [_describe(part) for part in several if part is not None]
        if getattr(augment, 'probs', None) is not None:
            texts.append(f'with probabilities {list(augment.probs)}')
    return ', '.join(texts) or 'nothing'


def _describe(augment: Any) -> str:
    """An augmentation: its type, and what of its attributes can be compared."""
    plain = (int, float, str, tuple, list, type(None))
    skipped = vars(nn.Module())
    values = [
        f'{key}={value!r}'
        for key, value in sorted(vars(augment).items())
        if key not in skipped and isinstance(value, plain)
    ]
    return f'{type(augment).__name__}({", ".join(values)})'
