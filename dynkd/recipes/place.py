# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Places in a model that a recipe can tap, and what is known of the whole model."""

from dataclasses import dataclass, field
from typing import Any

#: Kinds of models, by how they come from features to predictions.
CLASSIFIER = 'classifier'
RECOGNIZER = 'recognizer'
SEGMENTOR = 'segmentor'
DENSE = 'single-stage detector'
TWO_STAGE = 'two-stage detector'
QUERIES = 'DETR-like detector'
DETECTORS = (DENSE, TWO_STAGE, QUERIES)


@dataclass(frozen=True)
class Place:
    """A place in a model, and the tensor that it yields.

    Args:
        module (str): The tap, without the name of the stream: ``'neck[2]'``.
        shape (tuple of int): Shape of the tensor, without the batch.
    """

    module: str
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        """int: Its channels."""
        return self.shape[0]

    @property
    def grid(self) -> tuple[int, ...]:
        """tuple of int: Its positions: rows and columns, none of a vector."""
        return self.shape[1:]

    def of(self, stream: str) -> str:
        """The tap in a stream.

        Args:
            stream (str): Name of the stream.

        Returns:
            str: For example ``'teacher.neck[2]'``.
        """
        return f'{stream}.{self.module}'


@dataclass(frozen=True)
class ModelView:
    """What a recipe knows of a model, found by building and running it once.

    Args:
        kind (str): One of this module's kinds of models.
        scores (tuple of Place): Where class scores lie, by level; none where they
            cannot be compared by position.
        classes (int): Classes that each score is of, the background included where
            the model has one.
        anchors (tuple of int): Predictions per position, by level.
        activation (str): What makes probabilities of scores, as in
            :class:`~dynkd.models.transfers.losses.KLDLoss`.
        features (tuple of Place): The features that the head receives, by level.
        stages (tuple of Place): The features of the backbone's stages.
        pooled (tuple of Place): A vector for each image or clip, if there is one.
        why_not (str): Why there are no ``scores``. Empty if there are.
        model (nn.Module): The model.
        input_shape (tuple of int): Shape of the input that it was run on.
    """

    kind: str
    model: Any
    input_shape: tuple[int, ...]
    scores: tuple[Place, ...] = ()
    classes: int = 0
    anchors: tuple[int, ...] = ()
    activation: str = 'softmax'
    features: tuple[Place, ...] = ()
    stages: tuple[Place, ...] = ()
    pooled: tuple[Place, ...] = ()
    why_not: str = field(default='')
