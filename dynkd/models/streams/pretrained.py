# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Pretrained weights that the config of a model names, and what they are made for."""

from collections.abc import Iterator, Mapping
from typing import Any, Optional

from mmengine.config import ConfigDict

from dynkd.utils import type_name

#: Weights of RGB images, scaled to a deviation of about 1.
_TORCHVISION = ('torchvision://', 'https://download.pytorch.org/models/')
#: Below this, a standard deviation divides nothing: pixels keep their scale of 255.
_SCALED = 10.0


def pretrained_files(cfg: Any) -> Iterator[str]:
    """The weights that the parts of a model start from.

    Args:
        cfg (dict, list or Any): The model's config, or a part of it.

    Yields:
        str: Path or URL, of an ``init_cfg`` of type ``Pretrained`` or of MMAction2's
        ``pretrained``.
    """
    if isinstance(cfg, Mapping):
        yield from _own_files(cfg)
        for value in cfg.values():
            yield from pretrained_files(value)
    elif isinstance(cfg, (list, tuple)):
        for value in cfg:
            yield from pretrained_files(value)


def is_pretrained(cfg: Mapping[str, Any]) -> bool:
    """Whether a model starts from weights as a whole, and not only in its backbone.

    Args:
        cfg (dict): The model's config.

    Returns:
        bool: Whether it does.
    """
    return any(True for _ in _own_files(cfg))


def names_weights(init: Any) -> bool:
    """Whether an ``init_cfg`` names weights.

    Args:
        init (Any): The ``init_cfg``, or one of a list of them.

    Returns:
        bool: Whether it is of type ``Pretrained``.
    """
    kinds = ('Pretrained', 'PretrainedInit')
    return isinstance(init, Mapping) and type_name(init) in kinds


def _own_files(cfg: Mapping[str, Any]) -> Iterator[str]:
    """The weights that one part starts from."""
    inits = cfg.get('init_cfg')
    for init in inits if isinstance(inits, (list, tuple)) else [inits]:
        if isinstance(init, Mapping) and names_weights(init):
            yield str(init['checkpoint'])
    if isinstance(cfg.get('pretrained'), str):
        yield cfg['pretrained']


def preprocessor_fault(cfg: Mapping[str, Any]) -> Optional[str]:
    """Why pretrained weights would not get the images that they were trained on.

    The weights of torchvision are for RGB images that are divided by their standard
    deviation, those of Caffe (``open-mmlab://detectron2/resnet50_caffe``) for BGR
    images that are not divided. Nothing fails with the other kind, but the backbone
    begins with wrong features. Weights of other origins are not judged.

    Args:
        cfg (dict): The model's config, with its data preprocessor.

    Returns:
        str or None: What disagrees; None if nothing does.
    """
    backbone, own = cfg.get('backbone'), cfg.get('data_preprocessor')
    if not isinstance(backbone, Mapping) or not isinstance(own, Mapping):
        return None
    for path in _own_files(backbone):
        if path.startswith(_TORCHVISION):
            wanted = (True, True)
        elif 'resnet' in path and 'caffe' in path:
            wanted = (False, False)
        else:
            continue
        found = (_is_rgb(own), _is_scaled(own))
        if any(b is not None and b != a for a, b in zip(wanted, found)):
            return (
                f'the weights `{path}` are for {_images(*wanted)}, but its data '
                f'preprocessor returns {_images(*found)}'
            )
    return None


def _is_rgb(preprocessor: Mapping[str, Any]) -> Optional[bool]:
    """Whether a model sees RGB images; None if its config does not say so."""
    if 'Action' in str(preprocessor.get('type', '')) or _is_gray(preprocessor):
        # MMAction2 decodes videos into RGB, and images as its pipeline says.
        return None
    # MMDetection and MMPretrain read images as BGR.
    return bool(preprocessor.get('bgr_to_rgb') or preprocessor.get('to_rgb'))


def _is_scaled(preprocessor: Mapping[str, Any]) -> Optional[bool]:
    """Whether a model sees images that are divided by their standard deviation."""
    deviations = preprocessor.get('std')
    return None if deviations is None else min(deviations) > _SCALED


def _is_gray(preprocessor: Mapping[str, Any]) -> bool:
    """Whether the channels are normalised alike, so that their order hardly counts."""
    return len(set(preprocessor.get('mean') or ())) <= 1


def _images(rgb: Optional[bool], scaled: Optional[bool]) -> str:
    """What images are like, in words."""
    order = {True: 'RGB', False: 'BGR', None: ''}[rgb]
    scale = {
        True: 'divided by their standard deviation',
        False: 'not divided by their standard deviation',
        None: '',
    }[scaled]
    return ' '.join(filter(None, [order, 'images', scale]))


def match_classes(model: Any) -> None:
    """Give a classifier's data preprocessor the number of classes of its head.

    It says how long the labels of mixed images are. A config that inherits from one of
    ImageNet, and changes its head, would keep 1000 classes there.

    Args:
        model (ConfigDict): The model's config; changed in place.
    """
    preprocessor, head = model.get('data_preprocessor'), model.get('head')
    if not isinstance(preprocessor, Mapping) or not isinstance(head, Mapping):
        return
    classes = head.get('num_classes')
    if isinstance(classes, int) and 'num_classes' in preprocessor:
        model['data_preprocessor'] = ConfigDict(preprocessor, num_classes=classes)
