# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What data preprocessors do to a batch, and whether two do the same."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

import torch
from torch import nn

from dynkd.models.taps import Tap

from .stream import Stream

#: Their data preprocessors draw random numbers only to mix images.
_LIBRARIES = ('mmengine', 'mmpretrain', 'mmdet', 'mmaction', 'mmseg')
#: What data preprocessors of these libraries mix images by.
MIXERS = ('batch_augments', 'blending')
#: Types of values that are compared as they are.
_PLAIN = (bool, int, float, str, bytes, set, frozenset, torch.device, torch.dtype)
#: Types of code, which is the same only where it is the same object.
_CODE = (type, FunctionType, BuiltinFunctionType, MethodType)
#: What every module keeps, which says nothing about what it does.
_BOOKKEEPING = frozenset(vars(nn.Module()))


def check_augments(source: Tap, target: Tap, streams: Mapping[str, Stream]) -> None:
    """Reject a comparison of streams that mix the images of one input differently.

    Args:
        source (Tap): Tap that teaches.
        target (Tap): Tap that learns.
        streams (dict[str, Stream]): The streams by name.

    Raises:
        ValueError: If the streams read the same input, and augment its batches by other
            types or other arguments.
    """
    if source.stream not in streams:
        return  # a store
    pair = (source.stream, target.stream)
    if len({streams[name].cfg.input for name in pair} - {None}) > 1:
        return  # two modalities
    own, other = (_described(_mixers(streams[name].model)) for name in pair)
    if own != other:
        raise ValueError(
            f'the streams `{pair[0]}` and `{pair[1]}` read the same batches, but their '
            f'data preprocessors augment them by {own} and by {other}: they would see '
            'different images. Give both the same `train_cfg.augments` of the model '
            f'(MMPretrain), or the same `{"` or `".join(MIXERS)}` of the data '
            'preprocessor.'
        )


def check_stored(
    stored: Mapping[str, Iterable[Tap]], streams: Mapping[str, Stream]
) -> None:
    """Reject a stream that mixes images where a store keeps its predictions.

    Mixup and CutMix make an image, and a label, of two samples: what the stream says
    about it is a prediction for neither.

    Args:
        stored (dict[str, iterable of Tap]): The taps that each store keeps.
        streams (dict[str, Stream]): The streams by name.

    Raises:
        ValueError: If the data preprocessor of such a stream mixes.
    """
    for store, taps in stored.items():
        for tap in taps:
            preprocessor = getattr(streams[tap.stream].model, 'data_preprocessor', None)
            for key in MIXERS:
                if getattr(preprocessor, key, None) is not None:
                    raise ValueError(
                        f'store `{store}` keeps predictions of `{tap}`, but the data '
                        f'preprocessor of stream `{tap.stream}` mixes images '
                        f'(`{key}`: mixup, cutmix): their labels and predictions are '
                        f'not those of one sample. Take `{key}` out, or what sets it: '
                        '`train_cfg.augments` of the model.'
                    )


@contextmanager
def switched_together(name: str, streams: Mapping[str, Stream]) -> Iterator[None]:
    """Have the streams that mix images as one does follow a change of that.

    Hooks such as MMPretrain's ``SwitchRecipeHook`` change the batch augmentations of
    one model while it is trained. Streams that are compared see the same images.

    Args:
        name (str): The stream whose data preprocessor may change in the ``with`` block.
        streams (dict[str, Stream]): The streams by name.

    Yields:
        None
    """
    own = streams[name]
    before = _mixers(own.model)
    yield
    after = _mixers(own.model)
    if all(old is new for old, new in zip(before, after)):
        return
    for stream in streams.values():
        alike_before = _described(_mixers(stream.model)) == _described(before)
        if stream is own or stream.cfg.input != own.cfg.input or not alike_before:
            continue
        preprocessor = getattr(stream.model, 'data_preprocessor', None)
        for key, mixer in zip(MIXERS, after):
            if hasattr(preprocessor, key):
                setattr(preprocessor, key, mixer)


def _mixers(model: nn.Module) -> list[Any]:
    """What a stream's data preprocessor mixes images by; None where it does not."""
    preprocessor = getattr(model, 'data_preprocessor', None)
    return [getattr(preprocessor, key, None) for key in MIXERS]


def _described(found: Sequence[Any]) -> str:
    """Batch augmentations, with their arguments."""
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
    """An augmentation: its type, and those of its attributes that can be compared."""
    plain = (int, float, str, tuple, list, type(None))
    values = [
        f'{key}={value!r}'
        for key, value in sorted(vars(augment).items())
        if key not in _BOOKKEEPING and isinstance(value, plain)
    ]
    return f'{type(augment).__name__}({", ".join(values)})'


def alike(one: Any, other: Any) -> bool:
    """Whether two data preprocessors, or parts of them, do the same to a batch.

    Args:
        one (Any): A data preprocessor, or any value that it keeps.
        other (Any): Another.

    Returns:
        bool: Whether they are of one type and all that they keep is equal; False where
        that cannot be told.
    """
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.shape == other.shape and bool(torch.equal(one.cpu(), other.cpu()))
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(alike(one[k], other[k]) for k in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, _PLAIN):
        return one == other
    if isinstance(one, _CODE) or not hasattr(one, '__dict__'):
        return False
    # A frozen stream's is in evaluation mode, which changes nothing in it.
    kept = [{k: v for k, v in vars(x).items() if k != 'training'} for x in (one, other)]
    return alike(*kept)


def draws(preprocessor: nn.Module) -> bool:
    """Whether a data preprocessor may draw random numbers.

    Args:
        preprocessor (nn.Module): The data preprocessor of a stream.

    Returns:
        bool: False for those of MMEngine, MMPretrain, MMDetection, MMAction2 and
        MMSegmentation without batch augmentations.
    """
    library = type(preprocessor).__module__.partition('.')[0]
    known = library in _LIBRARIES
    mixes = any(getattr(preprocessor, key, None) is not None for key in MIXERS)
    return mixes or not known
