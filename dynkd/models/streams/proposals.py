# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""RoI heads of several two-stage detectors on the same proposals."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Optional

import torch
import torch.nn as nn

from dynkd.models.taps import Tap, TapError, record


def in_roi_head(tap: Tap) -> bool:
    """Whether a tap lies in a RoI head, whose outputs belong to proposals.

    Args:
        tap (Tap): The tap.

    Returns:
        bool: Whether it does.
    """
    return tap.root == 'roi_head'


class SharedProposals:
    """Lets a stream classify the RoIs that another stream sampled.

    In two-stage detectors each stream samples RoIs of its own, so the rows of two
    streams' RoI logits mean different boxes. Here the student's sampled RoIs are kept,
    and the teacher's RoI head runs once more on them: both then classify the same
    boxes, which is what the class probabilities of Eq. 3 of `General Dynamic Knowledge
    Distillation` compare.

    Args:
        provider (str): Name of the stream that samples.
        reader (str): Name of the stream that classifies the samples too.
        rois (list, optional): Where the samples of a step are kept, which several
            readers of a provider share. Defaults to None: a list of its own.
    """

    def __init__(
        self, provider: str, reader: str, rois: Optional[list[torch.Tensor]] = None
    ) -> None:
        self.provider = provider
        self.reader = reader
        #: The RoIs of the last step, (n, 5) each, with the image's index first.
        self.rois: list[torch.Tensor] = [] if rois is None else rois

    def check(self, models: Mapping[str, Any]) -> None:
        """Check that both streams have a RoI head of the usual form.

        Args:
            models (dict[str, nn.Module]): The streams' models.

        Raises:
            ValueError: If one has none, or a cascade.
        """
        for name in (self.provider, self.reader):
            head = getattr(models[name], 'roi_head', None)
            extractor = getattr(head, 'bbox_roi_extractor', None)
            if not isinstance(extractor, nn.Module) or (
                isinstance(extractor, nn.ModuleList)
            ):
                raise ValueError(
                    f'stream `{self.reader}` takes the proposals of '
                    f'`{self.provider}`, but `{name}` ({type(models[name]).__name__}) '
                    'has no RoI head with a single `bbox_roi_extractor`.'
                )

    @contextmanager
    def keep(self, model: Any) -> Iterator[None]:
        """Keep the RoIs that the provider samples while it runs.

        Args:
            model (nn.Module): The provider's model.

        Yields:
            None
        """
        self.rois.clear()
        extractor = model.roi_head.bbox_roi_extractor
        handle = extractor.register_forward_pre_hook(
            lambda module, args: self.rois.append(args[1].detach())
        )
        try:
            yield
        finally:
            handle.remove()

    def features(self, model: Any) -> Tap:
        """The tap of the features on which the reader's RoI head runs.

        Args:
            model (nn.Module): The reader's model.

        Returns:
            Tap: Its neck, or its backbone if it has none.
        """
        return Tap(self.reader, 'neck' if model.with_neck else 'backbone')

    def classify(
        self,
        model: Any,
        features: Any,
        taps: Sequence[Tap],
        rois: Optional[Sequence[torch.Tensor]] = None,
    ) -> dict[Tap, list[Any]]:
        """Run the reader's RoI head on the provider's RoIs.

        Args:
            model (nn.Module): The reader's model.
            features (tuple of Tensor): What its neck yielded in this step.
            taps (sequence of Tap): The reader's taps in its RoI head.
            rois (list[Tensor], optional): RoIs, (n, 5) with the image's index first.
                Defaults to None: what :meth:`keep` kept.

        Returns:
            dict[Tap, list]: What the taps yielded.

        Raises:
            TapError: If the provider sampled nothing.
        """
        rois = self.rois if rois is None else rois
        if not rois:
            raise TapError(
                f'`{self.reader}` takes the proposals of `{self.provider}`, which '
                'sampled none in this step.'
            )
        with record(model, taps) as outputs:
            model.roi_head._bbox_forward(tuple(features), rois[0])
        return outputs
