# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""DKD and DPK as groups of transfers: one line each in a config."""

from abc import abstractmethod
from collections.abc import Mapping

from dynkd.models.streams import Stream, find_stream
from dynkd.models.transfers import TransferGroup
from dynkd.registry import TRANSFER_GROUPS
from dynkd.utils import RandomState
from dynkd.utils.kinds import Weight

from .methods.dkd import dkd
from .methods.dpk import dpk
from .place import ModelView
from .recipe import BALANCED, Pair, Recipe
from .view import view_model


class RecipeTransfers(TransferGroup):
    """The transfers of a recipe, for the two streams that a config has.

    Taps, connectors and activations are those that ``tools/distill.py`` finds; each
    weight is a share of the task loss of the stream that learns.

    Args:
        teacher (str): The stream that teaches. Defaults to ``'teacher'``.
        student (str): The stream that learns. Defaults to ``'student'``.
    """

    def __init__(self, teacher: str = 'teacher', student: str = 'student') -> None:
        self.teacher = teacher
        self.student = student
        #: Shares of the task loss, by the beginning of a transfer's name.
        self.shares: dict[str, float] = {}

    @abstractmethod
    def recipe(self, pair: Pair) -> Recipe:
        """Find out what of the method fits two models.

        Args:
            pair (Pair): Student and teacher.

        Returns:
            Recipe: The recipe.

        Raises:
            ValueError: If nothing does.
        """

    def expand(self, streams: Mapping[str, Stream]) -> dict[str, dict]:
        """See :meth:`TransferGroup.expand`."""
        views = [
            _view(find_stream(streams, name)) for name in (self.student, self.teacher)
        ]
        names = dict(student=self.student, teacher=self.teacher)
        found = {}
        for name, transfer in self.recipe(Pair(*views)).transfers.items():
            end = name.removeprefix('loss_')
            share = next(own for n, own in self.shares.items() if end.startswith(n))
            if share:
                weight = dict(BALANCED, share=share)
                found[end] = dict(
                    transfer,
                    source=_renamed(transfer['source'], names),
                    target=_renamed(transfer['target'], names),
                    loss=dict(transfer['loss'], loss_weight=weight),
                )
        if not found:
            raise ValueError('all weights are 0: there is no transfer.')
        return found


@TRANSFER_GROUPS.register_module()
class DynamicTransfers(RecipeTransfers):
    """The transfers of `A General Dynamic Knowledge Distillation Method for Visual
    Analytics`, Eqs. 6 to 8.

    The group expands to up to three transfers, named after it:

    - ``…_emd``: earth mover's distance of the features, from teacher to student.
    - ``…_kld_student``: divergence of the class probabilities, from teacher to student.
    - ``…_kld_teacher``: the same from student to teacher. A frozen teacher has none.

    Args:
        teacher (str): The stream that teaches. Defaults to ``'teacher'``.
        student (str): The stream that learns. Defaults to ``'student'``.
        emd (float): alpha, as a share of the student's task loss; 0 leaves it out.
            Defaults to 1.0.
        kld_student (float): beta_2, as a share of the student's task loss; 0 leaves it
            out. Defaults to 1.0.
        kld_teacher (float): beta_1, as a share of the teacher's task loss; 0 leaves it
            out. Defaults to 1.0.

    Raises:
        ValueError: If a share is negative; when expanded, if a stream does not exist,
            or nothing of the two models can be compared.
    """

    def __init__(
        self,
        teacher: str = 'teacher',
        student: str = 'student',
        emd: Weight = 1.0,
        kld_student: Weight = 1.0,
        kld_teacher: Weight = 1.0,
    ) -> None:
        super().__init__(teacher, student)
        self.shares = dict(emd=emd, kld_student=kld_student, kld_teacher=kld_teacher)

    def recipe(self, pair: Pair) -> Recipe:
        """See :meth:`RecipeTransfers.recipe`."""
        return dkd(pair)

    def expand(self, streams: Mapping[str, Stream]) -> dict[str, dict]:
        """See :meth:`TransferGroup.expand`."""
        found = super().expand(streams)
        if streams[self.teacher].cfg.frozen:
            own = [name for name in found if name.startswith('kld_teacher')]
            found = {name: cfg for name, cfg in found.items() if name not in own}
        return found


@TRANSFER_GROUPS.register_module()
class PriorTransfers(RecipeTransfers):
    """The transfers of `Better Teacher Better Student: Dynamic Prior Knowledge for
    Knowledge Distillation`, Eqs. 4 to 7; for detectors Eq. 9, inside FGD.

    The group expands to up to two transfers, named after it:

    - ``…_dpk``: the hybrid feature of the last stage, or of the levels of a detector.
    - ``…_kld_student``: divergence of the class probabilities of classifiers.

    Args:
        teacher (str): The stream that teaches. Defaults to ``'teacher'``.
        student (str): The stream that learns. Defaults to ``'student'``.
        dpk (float): Weight of the hybrid features, as a share of the student's task
            loss; 0 leaves it out. Defaults to 1.0.
        kld_student (float): Weight of the divergence, likewise. Defaults to 1.0.

    Raises:
        ValueError: If a share is negative; when expanded, if a stream does not exist,
            or the features of the two models cannot be compared.
    """

    def __init__(
        self,
        teacher: str = 'teacher',
        student: str = 'student',
        dpk: Weight = 1.0,
        kld_student: Weight = 1.0,
    ) -> None:
        super().__init__(teacher, student)
        self.shares = dict(dpk=dpk, kld_student=kld_student)

    def recipe(self, pair: Pair) -> Recipe:
        """See :meth:`RecipeTransfers.recipe`."""
        return dpk(pair)


def _view(stream: Stream) -> ModelView:
    """Look at a stream, and leave it and the random numbers as they are."""
    state = RandomState.capture()
    training = stream.model.training
    stream.model.eval()
    try:
        return view_model(stream)
    finally:
        stream.model.train(training)
        stream.train(training)
        state.restore()


def _renamed(taps: object, names: Mapping[str, str]) -> object:
    """Taps of the recipe's streams, as the config calls these."""
    if isinstance(taps, str):
        stream, dot, place = taps.partition('.')
        return f'{names[stream]}{dot}{place}'
    return [_renamed(tap, names) for tap in taps]  # type: ignore[attr-defined]  # a list
