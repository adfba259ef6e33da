# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The transfers of EKD."""

from collections.abc import Mapping, Sequence
from typing import Any, Optional

import torch.nn as nn
from mmengine.logging import print_log

from dynkd.models.streams import Stream, find_stream
from dynkd.models.transfers import TransferGroup, branch_taps
from dynkd.registry import TRANSFER_GROUPS
from dynkd.utils import without_scope
from dynkd.utils.kinds import ScheduledWeight, Temperature


@TRANSFER_GROUPS.register_module()
class EvolutionaryTransfers(TransferGroup):
    """The transfers of `Student Network Learning via Evolutionary Knowledge
    Distillation`, Eqs. 2 to 8.

    Within each trained stream every classifier learns from all deeper ones, the final
    one included (Eq. 2); across streams each classifier of the student learns from the
    teacher's classifier at the same depth (Eqs. 5 and 8). The classifiers are the
    stream's head and those of its ``branches``, whose cross-entropy (Eq. 9) is the
    branches' own ``loss_weight``. Of a stream without branches only the head takes
    part, and a frozen stream does not learn: the rows of Table V differ only in their
    streams. Of streams with different numbers of branches the deepest are compared, and
    vectors of different widths through a linear connector (ours).

    The group expands to up to six transfers, named after it:

    - ``…_within_kl_<stream>``, Eq. 3: divergence between the classifiers of a stream.
    - ``…_within_l2_<stream>``, Eq. 4: squared distance of their features. If the width
      of the backbone's own feature differs from the branches', that feature is compared
      in a separate transfer, ``…_within_l2_final_<stream>``, through a linear
      connector.
    - ``…_cross_kl``, Eq. 6, from teacher to student. (Eq. 11 assigns it to the teacher;
      Algorithm 1 and the text assign it to the student.)
    - ``…_cross_l2``, Eq. 7.

    Eqs. 4 and 7 are squared norms; here they are the mean over the feature's values
    (ours), since a sum grows with the width and the paper prints no weight for it.

    Args:
        teacher (str): The stream that teaches. Defaults to ``'teacher'``.
        student (str): The stream that learns. Defaults to ``'student'``.
        temperature (float): T of the divergences. Defaults to 4.0, section III-C.
        within_kl (float): Weight of Eq. 3; 0 leaves it out. Defaults to 1.0.
        within_l2 (float): Weight of Eq. 4; 0 leaves it out. Defaults to 1.0.
        cross_kl (float): Weight of Eq. 6; 0 leaves it out. Defaults to 1.0.
        cross_l2 (float): Weight of Eq. 7; 0 leaves it out. Defaults to 1.0.
        within (sequence of str, optional): The streams inside which classifiers learn
            from deeper ones. Defaults to None: all that are trained.
        features (dict[str, str], optional): By stream, the tap (without the stream's
            name) that yields the vector before the head's last layer. Defaults to None:
            the output of the layer before it, where the head has several; else the
            neck's last output, or the backbone's where there is no neck.

    Raises:
        ValueError: If a weight is negative, or ``features`` has another stream; when
            expanded, if a stream does not exist.
    """

    from_scratch = True

    def __init__(
        self,
        teacher: str = 'teacher',
        student: str = 'student',
        temperature: Temperature = 4.0,
        within_kl: ScheduledWeight = 1.0,
        within_l2: ScheduledWeight = 1.0,
        cross_kl: ScheduledWeight = 1.0,
        cross_l2: ScheduledWeight = 1.0,
        within: Optional[Sequence[str]] = None,
        features: Optional[dict[str, str]] = None,
    ) -> None:
        self.weights = dict(
            within_kl=within_kl,
            within_l2=within_l2,
            cross_kl=cross_kl,
            cross_l2=cross_l2,
        )
        self.teacher = teacher
        self.student = student
        self.temperature = temperature
        self.within = within
        self.features = without_scope(features or {})
        known = list(dict.fromkeys([teacher, student, *(within or ())]))
        for name in self.features:
            if name not in known:
                raise ValueError(
                    f'`features` has `{name}`, which is not a stream of these '
                    f'transfers. They are of: {", ".join(known)}.'
                )

    def expand(self, streams: Mapping[str, Stream]) -> dict[str, dict]:
        """See :meth:`TransferGroup.expand`."""
        self._check_names(streams)
        found: dict[str, dict] = {}
        pair = [name for name in (self.teacher, self.student) if name in streams]
        trained = [name for name in pair if not streams[name].cfg.frozen]
        for name in trained if self.within is None else self.within:
            found.update(self._within(find_stream(streams, name)))
        if self.weights['cross_kl'] or self.weights['cross_l2']:
            found.update(self._across(streams))
        return found

    def _check_names(self, streams: Mapping[str, Stream]) -> None:
        """Reject named streams that do not exist. A single stream is allowed."""
        for name, default in ((self.teacher, 'teacher'), (self.student, 'student')):
            if name != default:
                find_stream(streams, name)
        if self.within is None and self.teacher not in streams:
            find_stream(streams, self.student)

    def _kl(self, name: str) -> dict:
        """The loss of Eqs. 3 and 6."""
        weight = self.weights[name]
        return dict(type='KLDLoss', temperature=self.temperature, loss_weight=weight)

    def _l2(self, name: str) -> dict:
        """The loss of Eqs. 4 and 7."""
        return dict(type='FeatureLoss', kind='mse', loss_weight=self.weights[name])

    def _within(self, stream: Stream) -> dict[str, dict]:
        """Eqs. 3 and 4: each classifier of a stream learns from all deeper ones."""
        logits = branch_taps(stream, 'fc')
        if not logits:
            return {}
        found = {}
        if self.weights['within_kl']:
            found[f'within_kl_{stream.name}'] = dict(
                _deeper_to_shallower([*logits, f'{stream.name}.head']),
                loss=self._kl('within_kl'),
            )
        if self.weights['within_l2']:
            found.update(self._within_l2(stream))
        return found

    def _within_l2(self, stream: Stream) -> dict[str, dict]:
        """Eq. 4, in two transfers where widths differ."""
        name, model = stream.name, stream.model
        vectors = branch_taps(stream, 'features')
        final = f'{name}.{self.features.get(name) or _final_feature(model)}'
        loss = self._l2('within_l2')
        width = model.branches[0].fc.in_features
        final_width = _final_width(model)
        if width == final_width:
            pairs = _deeper_to_shallower([*vectors, final])
            return {f'within_l2_{name}': dict(pairs, loss=loss)}
        connector = _linear(width, final_width, len(vectors))
        found = {
            f'within_l2_final_{name}': dict(
                source=final,
                target=list(vectors),
                target_connector=connector,
                loss=loss,
            )
        }
        if len(vectors) > 1:
            pairs = _deeper_to_shallower(vectors)
            found[f'within_l2_{name}'] = dict(pairs, loss=loss)
        return found

    def _across(self, streams: Mapping[str, Stream]) -> dict[str, dict]:
        """Eqs. 6 and 7: each classifier of the student learns from its counterpart."""
        pair = [find_stream(streams, name) for name in (self.teacher, self.student)]
        counts = [len(branch_taps(stream, 'fc')) for stream in pair]
        common = min(counts)
        if common and counts[0] != counts[1]:
            print_log(
                f'EKD: `{self.teacher}` has {counts[0]} guided modules and '
                f'`{self.student}` {counts[1]}: the {common} deepest of each are '
                'compared.',
                logger='current',
            )
        paired = pair if common else []
        taps = {
            part: [branch_taps(stream, part)[-common:] for stream in paired]
            for part in ('fc', 'features')
        }
        found = {}
        if self.weights['cross_kl']:
            source, target = taps['fc'] if paired else ([], [])
            found['cross_kl'] = dict(
                source=[*source, f'{self.teacher}.head'],
                target=[*target, f'{self.student}.head'],
                loss=self._kl('cross_kl'),
            )
        if self.weights['cross_l2'] and paired:
            source, target = taps['features']
            found['cross_l2'] = dict(
                source=source, target=target, loss=self._l2('cross_l2')
            )
            other, width = (s.model.branches[-1].fc.in_features for s in pair)
            if width != other:
                found['cross_l2']['target_connector'] = _linear(width, other, common)
        return found


def _linear(width: int, other: int, levels: int) -> dict[str, Any]:
    """A linear connector for each of several vectors."""
    return dict(
        type='ChannelAligner',
        in_channels=width,
        out_channels=other,
        dims=0,
        num_levels=levels,
    )


def _deeper_to_shallower(taps: Sequence[str]) -> dict[str, list[str]]:
    """All pairs of a deeper tap, the source, and a shallower one, the target."""
    pairs = [
        (taps[deep], taps[shallow])
        for shallow in range(len(taps))
        for deep in range(shallow + 1, len(taps))
    ]
    return dict(source=[deep for deep, _ in pairs], target=[to for _, to in pairs])


def _final_feature(model: Any) -> str:
    """Where the vector before the head's last layer is tapped."""
    # MobileNetV3's head, and a ViT's with `hidden_dim`, have a layer between the pooled
    # feature and the last one.
    layers = getattr(model.head, 'layers', None)
    if isinstance(layers, (nn.ModuleList, nn.Sequential)) and len(layers) > 1:
        names = [name for name, _ in layers.named_children()]
        return f'head.layers.{names[-2]}'
    return 'neck[-1]' if getattr(model, 'neck', None) is not None else 'backbone[-1]'


def _final_width(model: Any) -> int:
    """Width of the vector before the head's last layer.

    Args:
        model (nn.Module): A classifier.

    Returns:
        int: The input width of the head's last linear layer.

    Raises:
        ValueError: If the head has none.
    """
    layers = [m for m in model.head.modules() if isinstance(m, nn.Linear)]
    if not layers:
        raise ValueError(
            f'{type(model.head).__name__} has no linear layer, before which features '
            'would be compared (Eq. 4). Set `within_l2=0`.'
        )
    return layers[-1].in_features
