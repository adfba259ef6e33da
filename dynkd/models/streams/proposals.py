# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""RoI heads of several two-stage detectors on the same proposals."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Optional

import torch
import torch.nn as nn

from dynkd.models.taps import Tap, TapError, record

#: The RoIs of a step by what they are for, ``'bbox'`` or ``'mask'``, and by stage:
#: (n, 5) each, with the image's index first.
Rois = dict[str, dict[int, torch.Tensor]]

_KINDS = ('bbox', 'mask')
_TAPPED = re.compile(r'^roi_head\.(bbox|mask)_head(?:\.(\d+))?(?:\.|$)')


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
    Distillation` compare. So it is for masks, whose RoIs are the positive ones.

    The stages of a cascade sample RoIs one after another. Where both streams are
    cascades, each stage classifies those of the same stage of the other; where only the
    reader is, all of its stages classify the same; where only the provider is, the
    reader classifies those of its last stage.

    Args:
        provider (str): Name of the stream that samples.
        reader (str): Name of the stream that classifies the samples too.
        rois (dict, optional): Where the samples of a step are kept, which several
            readers of a provider share. Defaults to None: a dict of its own.
    """

    def __init__(self, provider: str, reader: str, rois: Optional[Rois] = None) -> None:
        self.provider = provider
        self.reader = reader
        #: The RoIs of the last step.
        self.rois: Rois = {} if rois is None else rois
        self._stages = (1, 1)

    def check(self, models: Mapping[str, Any]) -> None:
        """Check that both streams have RoI heads that go together.

        Args:
            models (dict[str, nn.Module]): The streams' models.

        Raises:
            ValueError: If one has none, or they are cascades of different lengths.
        """
        for name in (self.provider, self.reader):
            if not _extractors(models[name], 'bbox'):
                raise ValueError(
                    f'stream `{self.reader}` takes the proposals of '
                    f'`{self.provider}`, but `{name}` ({type(models[name]).__name__}) '
                    'has no RoI head with a `bbox_roi_extractor`.'
                )
        own, other = (
            len(_extractors(models[name], 'bbox'))
            for name in (self.provider, self.reader)
        )
        if own != other and 1 not in (own, other):
            raise ValueError(
                f'stream `{self.reader}` takes the proposals of `{self.provider}`, but '
                f'they are cascades of {other} and {own} stages, which do not '
                'correspond.'
            )
        self._stages = (own, other)

    def source_stage(self, stage: int) -> int:
        """The stage of the provider whose RoIs a stage of the reader classifies.

        Args:
            stage (int): Index of the reader's stage.

        Returns:
            int: Index of the provider's.
        """
        own, other = self._stages
        return stage if own == other else own - 1 if other == 1 else 0

    @contextmanager
    def keep(self, model: Any) -> Iterator[None]:
        """Keep the RoIs that the provider samples while it runs.

        Args:
            model (nn.Module): The provider's model.

        Yields:
            None
        """
        self.rois.clear()
        handles = []
        for kind in _KINDS:
            kept = self.rois.setdefault(kind, {})
            for stage, extractor in enumerate(_extractors(model, kind)):
                hook = _keeper(kept, stage)
                handles.append(extractor.register_forward_pre_hook(hook))
        try:
            yield
        finally:
            for handle in handles:
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
        rois: Optional[torch.Tensor] = None,
    ) -> dict[Tap, list[Any]]:
        """Run the reader's RoI head on the provider's RoIs.

        Args:
            model (nn.Module): The reader's model.
            features (tuple of Tensor): What its neck yielded in this step.
            taps (sequence of Tap): The reader's taps in its RoI head.
            rois (Tensor, optional): RoIs, (n, 5) with the image's index first, for all
                stages. Defaults to None: what :meth:`keep` kept.

        Returns:
            dict[Tap, list]: What the taps yielded.

        Raises:
            TapError: If the provider sampled nothing.
        """
        cascade = isinstance(model.roi_head.bbox_roi_extractor, nn.ModuleList)
        with record(model, taps) as outputs:
            for kind, stage in _tapped(model, taps):
                own = self._rois(kind, stage) if rois is None else rois
                run = getattr(model.roi_head, f'_{kind}_forward')
                run(*((stage,) if cascade else ()), tuple(features), own)
        return outputs

    def _rois(self, kind: str, stage: int) -> torch.Tensor:
        """The RoIs that the provider sampled for a stage."""
        kept = self.rois.get(kind, {})
        source = self.source_stage(stage)
        if source not in kept:
            what = 'none' if kind == 'bbox' else 'none for masks'
            raise TapError(
                f'`{self.reader}` takes the proposals of `{self.provider}`, which '
                f'sampled {what} in this step.'
            )
        return kept[source]


def masks_with_boxes(model: Any) -> bool:
    """Whether a RoI head cuts masks out of the features of its boxes.

    Args:
        model (nn.Module): The model of a stream.

    Returns:
        bool: Whether it has one extractor for both (``share_roi_extractor``).
    """
    return bool(getattr(model.roi_head, 'share_roi_extractor', False))


def stage_of(tap: Tap) -> Optional[int]:
    """The stage of a RoI head in which a tap lies.

    Args:
        tap (Tap): The tap.

    Returns:
        int or None: Its index, 0 where there are no stages; None where the tap is in
        none of them.
    """
    match = _TAPPED.match(tap.module)
    return None if match is None else int(match.group(2) or 0)


def _tapped(model: Any, taps: Sequence[Tap]) -> list[tuple[str, int]]:
    """What must run for taps: for boxes or masks, and in which stage."""
    found: dict[tuple[str, int], None] = {}
    for tap in taps:
        match = _TAPPED.match(tap.module)
        if match is not None:
            found[match.group(1), int(match.group(2) or 0)] = None
            continue
        kind = 'mask' if tap.module.startswith('roi_head.mask') else 'bbox'
        for stage in range(len(_extractors(model, kind))):
            found[kind, stage] = None
    return list(found)


def _extractors(model: Any, kind: str) -> list[nn.Module]:
    """The modules that cut out RoIs for boxes or for masks, by stage."""
    head = getattr(model, 'roi_head', None)
    found = getattr(head, f'{kind}_roi_extractor', None)
    if isinstance(found, nn.ModuleList):
        return list(found)
    return [found] if isinstance(found, nn.Module) else []


def _keeper(kept: dict[int, torch.Tensor], stage: int) -> Any:
    """A hook that keeps the RoIs with which a module is first called."""

    def keep(module: nn.Module, args: tuple) -> None:
        kept.setdefault(stage, args[1].detach())

    return keep
