# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a model is: found by building it and running it once, not by its name."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from dynkd.models.streams import Stream
from dynkd.models.streams.branches import probe_stages
from dynkd.models.taps import PatchTap, Tap, as_map

from .place import (
    CLASSIFIER,
    DENSE,
    QUERIES,
    RECOGNIZER,
    SEGMENTOR,
    TWO_STAGE,
    ModelView,
    Place,
)


def kind_of(model: nn.Module) -> str:
    """What kind of model it is, by its parts.

    Args:
        model (nn.Module): The model.

    Returns:
        str: One of the kinds in :mod:`dynkd.recipes.place`.

    Raises:
        ValueError: If it is of none of these kinds.
    """
    parts = (
        ('forward_transformer', QUERIES),
        ('roi_head', TWO_STAGE),
        ('bbox_head', DENSE),
        ('cls_head', RECOGNIZER),
        ('decode_head', SEGMENTOR),
        ('head', CLASSIFIER),
    )
    for part, kind in parts:
        if getattr(model, part, None) is not None:
            return kind
    raise ValueError(
        f'{type(model).__name__} is neither a classifier (`head`), a recognizer '
        '(`cls_head`), a segmentor (`decode_head`), nor a detector (`bbox_head`, '
        '`roi_head` or a transformer): '
        'write its transfers by hand, see the docs on existing projects.'
    )


def view_model(stream: Stream) -> ModelView:
    """Look at a stream's model.

    Args:
        stream (Stream): The stream, whose model is built.

    Returns:
        ModelView: What it is, and where it can be tapped.

    Raises:
        ValueError: If it is a kind of model for which there are no recipes.
    """
    kind = kind_of(stream.model)
    body = 'neck' if getattr(stream.model, 'neck', None) is not None else 'backbone'
    yielded = _run(stream, ['backbone', body, *_heads(stream, kind)])
    look = {
        CLASSIFIER: _of_classifier,
        RECOGNIZER: _of_recognizer,
        SEGMENTOR: _of_segmentor,
        DENSE: _of_dense,
        TWO_STAGE: _of_two_stage,
        QUERIES: _of_queries,
    }[kind]
    known: dict[str, Any] = dict(
        stages=_maps(yielded.get('backbone'), 'backbone'),
        features=_maps(yielded.get(body), body),
        pooled=_vectors(yielded.get(body), body),
    )
    if kind == CLASSIFIER and not known['stages']:
        known['stages'] = _inner_stages(stream)
    known.update(look(stream.model, yielded))
    return ModelView(kind, stream.model, stream.cfg.input_shape, **known)


def _heads(stream: Stream, kind: str) -> list[str]:
    """What is looked at beside the body."""
    if kind == CLASSIFIER:
        return ['head']
    if kind == DENSE:
        return ['bbox_head']
    if kind == RECOGNIZER:
        pools = getattr(stream.model.cls_head, 'avg_pool', None) is not None
        return ['cls_head', *(['cls_head.avg_pool'] if pools else [])]
    if kind == SEGMENTOR and stream.is_observable([Tap(stream.name, 'decode_head')]):
        return ['decode_head']
    return []


def _run(stream: Stream, modules: Sequence[str]) -> dict[str, Any]:
    """What modules of the model return for random inputs."""
    taps = [Tap(stream.name, module) for module in dict.fromkeys(modules)]
    return {tap.module: value for tap, value in stream.dry_run(taps).items()}


def _inner_stages(stream: Stream) -> tuple[Place, ...]:
    """The maps of stages inside a backbone that itself returns vectors: a Vision
    Transformer's tokens as transfers lay them out, ConvNeXt's before its pooling."""
    try:
        names, _ = probe_stages(stream.model, stream.cfg.input_shape)
    except ValueError:
        return ()
    taps = [Tap(stream.name, name) for name in names]
    patches = PatchTap.beside(taps[-1], stream.model)
    yielded = stream.dry_run([*taps, *([] if patches is None else [patches])])
    grid = None if patches is None else yielded.get(patches)
    maps = {tap.module: as_map(yielded.get(tap), grid) for tap in taps}
    return tuple(
        Place(name, tuple(value.shape[1:]))
        for name, value in maps.items()
        if isinstance(value, Tensor) and value.dim() == 4
    )


def _tensors(output: Any, module: str) -> list[tuple[str, Tensor]]:
    """The tensors of an output, each with its tap."""
    if isinstance(output, Tensor):
        return [(module, output)]
    if isinstance(output, (list, tuple)):
        named = [(f'{module}[{i}]', value) for i, value in enumerate(output)]
        return [(name, value) for name, value in named if isinstance(value, Tensor)]
    return []


def _places(output: Any, module: str, ranks: Sequence[int]) -> tuple[Place, ...]:
    """The tensors of some ranks."""
    return tuple(
        Place(name, tuple(value.shape[1:]))
        for name, value in _tensors(output, module)
        if value.dim() in ranks
    )


def _maps(output: Any, module: str) -> tuple[Place, ...]:
    """Features that have positions."""
    return _places(output, module, (4, 5))


def _vectors(output: Any, module: str) -> tuple[Place, ...]:
    """Features that have none."""
    return _places(output, module, (2,))[-1:]


def _of_classifier(model: Any, yielded: dict[str, Any]) -> dict[str, Any]:
    """A classifier scores each image once."""
    scores = _places(yielded.get('head'), 'head', (2,))
    if len(scores) != 1:
        return dict(why_not='its head does not return one score per class')
    return dict(scores=scores, classes=scores[0].channels, anchors=(1,))


def _of_recognizer(model: Any, yielded: dict[str, Any]) -> dict[str, Any]:
    """A recognizer scores each clip once, and its head averages positions."""
    scores = _places(yielded.get('cls_head'), 'cls_head', (2,))
    pooled = _places(yielded.get('cls_head.avg_pool'), 'cls_head.avg_pool', (4, 5))
    found: dict[str, Any] = dict(pooled=pooled)
    if len(scores) != 1:
        return dict(found, why_not='its head does not return one score per class')
    return dict(found, scores=scores, classes=scores[0].channels, anchors=(1,))


def _of_segmentor(model: Any, yielded: dict[str, Any]) -> dict[str, Any]:
    """A segmentor scores each position of a map."""
    head = model.decode_head
    scores = _places(yielded.get('decode_head'), 'decode_head', (4,))
    if len(scores) != 1:
        kind = 'a cascade' if isinstance(head, nn.ModuleList) else type(head).__name__
        return dict(why_not=f'its head, {kind}, does not return a map of class scores')
    losses = head.loss_decode
    first = losses[0] if isinstance(losses, nn.ModuleList) else losses
    return dict(
        scores=scores,
        classes=scores[0].channels,
        anchors=(1,),
        activation='sigmoid' if getattr(first, 'use_sigmoid', False) else 'softmax',
    )


def _of_dense(model: Any, yielded: dict[str, Any]) -> dict[str, Any]:
    """A single-stage detector scores each anchor or point of each level."""
    head = model.bbox_head
    output = yielded.get('bbox_head')
    levels = output[0] if isinstance(output, (list, tuple)) and output else None
    scores = _places(levels, 'bbox_head[0]', (4,)) if levels is not None else ()
    classes = getattr(head, 'cls_out_channels', 0)
    if not scores or not classes or any(one.channels % classes for one in scores):
        return dict(why_not=f'{type(head).__name__} does not return scores by level')
    sigmoid = getattr(head, 'use_sigmoid_cls', True)
    return dict(
        scores=scores,
        classes=classes,
        anchors=tuple(one.channels // classes for one in scores),
        activation='sigmoid' if sigmoid else 'softmax',
    )


def _of_two_stage(model: Any, yielded: dict[str, Any]) -> dict[str, Any]:
    """A two-stage detector scores proposals, which streams can share."""
    head = getattr(model.roi_head, 'bbox_head', None)
    if head is None or isinstance(head, nn.ModuleList):
        what = 'a cascade' if head is not None else 'not a classifier of boxes'
        return dict(why_not=f'its RoI head is {what}, whose proposals are not shared')
    classes = head.num_classes + (0 if head.loss_cls.use_sigmoid else 1)
    return dict(
        scores=(Place('roi_head.bbox_head[0]', (classes,)),),
        classes=classes,
        anchors=(1,),
        activation='sigmoid' if head.loss_cls.use_sigmoid else 'softmax',
    )


def _of_queries(model: Any, yielded: dict[str, Any]) -> dict[str, Any]:
    """A DETR-like detector scores queries, which have no common order."""
    return dict(
        why_not='the queries of two DETR-like detectors have no common order, so that '
        'their class scores cannot be compared one by one'
    )
