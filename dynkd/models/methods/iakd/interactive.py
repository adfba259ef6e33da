# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Interactive distillation: the teacher's blocks replace the student's."""

from typing import Any, Optional

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from dynkd.models.algorithms import Distillation
from dynkd.models.schedules import Progress
from dynkd.models.streams import Stream, find_stream
from dynkd.models.taps import Tap
from dynkd.registry import MODELS
from dynkd.utils import at, named, without_scope

from .interaction import Interaction
from .teacher_stats import save_teacher_stats


@MODELS.register_module()
class InteractiveDistillation(Distillation):
    """`Interactive Knowledge Distillation` (IAKD): in each training step, blocks of a
    frozen teacher randomly replace the student's.

    Every pair of blocks takes the student's path with probability p and the teacher's
    otherwise (Eqs. 2 to 4). The student's own loss, of the hybrid network (Eq. 5),
    then trains the parts of the student that ran; the gradient passes through the
    teacher's blocks. Blocks that were not drawn are not computed; unless transfers read
    the teacher, nothing else of it is either. In validation, prediction and export the
    student runs alone.

    All processes, and a resumed run, draw the same paths, from the seed that
    :class:`~dynkd.engine.hooks.ExactResumeHook` passes on; without that hook, every run
    draws the same. In several processes the parameters that a step leaves unused need
    ``find_unused_parameters = True`` at the top of the config.

    Logged are ``interaction/p`` and ``interaction/swapped``, the share of the pairs
    that took the teacher's path.

    Args:
        interaction (dict): The arguments of
            :class:`~dynkd.models.methods.iakd.Interaction`: ``probability``, and
            optionally ``student``, ``teacher``, ``level``, ``pairs`` and
            ``track_teacher_stats``.
        **distillation: The arguments of :class:`Distillation`: ``streams`` with a
            trained student and a frozen teacher, and optionally ``transfers``, such as
            one of class probabilities, and the others.

    Raises:
        TypeError: If ``interaction`` is not a dictionary of these arguments.
        ValueError: If the student is frozen or the teacher is not, pairs cannot be
            found or do not fit, the probability is not in (0, 1], or a transfer or a
            branch reads the inside of a block that may be replaced.
    """

    def __init__(self, interaction: dict[str, Any], **distillation: Any) -> None:
        with named('interaction'), at('interaction'):
            found = Interaction(**without_scope(interaction))
        super().__init__(**distillation)
        self.interaction = found
        with named('interaction'):
            self._check_streams()
            pair = [self.stream(name) for name in (found.student, found.teacher)]
            found.pair(*self._models, *(stream.cfg.input_shape for stream in pair))
            for tap in self.taps(found.student):
                self._check_read(tap.module, f'the tap `{tap}`', f'`{tap.stream}.')
            branches = pair[0].branches
            for stage in branches.stages if branches is not None else ():
                self._check_read(stage, f'the stage `{stage}` of the branches', '`')
            if found.track_teacher_stats:
                save_teacher_stats(self, found.teacher, found.pairs)

    # ------------------------------------------------------------------- checks

    def _check_streams(self) -> None:
        """Reject a student that does not learn, and a teacher that does."""
        for side, frozen in (('student', False), ('teacher', True)):
            name = getattr(self.interaction, side)
            stream = find_stream(self.all_streams, name)
            if stream.cfg.frozen is not frozen:
                remedy = 'must be `frozen=True`' if frozen else 'must not be frozen'
                raise ValueError(f'the {side}, stream `{name}`, {remedy}.')

    def _check_read(self, module: str, reader: str, prefix: str) -> None:
        """Reject reading a module that does not run when it is replaced."""
        for pair in self.interaction.pairs:
            last = pair.student[-1]
            for name in pair.student:
                inside = module.startswith(f'{name}.')
                if inside or (module == name and name != last):
                    raise ValueError(
                        f'{reader} has no output of its own when the pair `{pair}` '
                        f"takes the teacher's path. Take {prefix}{last}`, whose output "
                        'is that of the pair.'
                    )

    # ------------------------------------------------------------------ streams

    @property
    def constant_streams(self) -> list[str]:
        """list[str]: The streams that training does not change."""
        tracked = self.interaction.track_teacher_stats
        moving = self.interaction.teacher if tracked else None
        return [name for name in super().constant_streams if name != moving]

    def leaves_unused(self) -> dict[str, str]:
        """See :meth:`Distillation.leaves_unused`."""
        blocks = {'the interaction': 'of the blocks that it replaces'}
        return {**super().leaves_unused(), **blocks}

    def compiles_again(self) -> str:
        """See :meth:`Distillation.compiles_again`."""
        return (
            f'each new draw of paths of the {len(self.interaction.pairs)} pairs makes '
            'another network'
        )

    def mixes_statistics(self) -> Optional[str]:
        """See :meth:`Distillation.mixes_statistics`."""
        schedule = self.interaction.probability.schedule
        last = getattr(schedule, 'stop', getattr(schedule, 'constant', 1.0))
        student = self.stream(self.interaction.student).model
        tracks = any(isinstance(part, _BatchNorm) for part in student.modules())
        if last == 1.0 or not tracks:
            return None
        return f"the teacher's blocks replace the student's to the end, with p = {last}"

    def schedule_owners(self) -> dict[str, object]:
        """See :meth:`Distillation.schedule_owners`."""
        return dict(super().schedule_owners(), interaction=self.interaction)

    # -------------------------------------------------------------------- steps

    @property
    def _models(self) -> tuple[nn.Module, nn.Module]:
        """tuple[nn.Module, nn.Module]: The student's model and the teacher's."""
        names = self.interaction.student, self.interaction.teacher
        return self.stream(names[0]).model, self.stream(names[1]).model

    def _loss(self, data: dict) -> dict[str, Tensor]:
        """The losses of a training step, and what was drawn for it."""
        self.interaction.stats = {}
        losses = super()._loss(data)
        stats = self.interaction.stats
        return {**losses, **{f'interaction/{key}': v for key, v in stats.items()}}

    def _step(
        self, stream: Stream, batch: dict[str, Any], progress: Progress
    ) -> tuple[dict[str, Tensor], dict[Tap, Any]]:
        """Run one stream; the student as the hybrid network."""
        if stream.name != self.interaction.student or not self.training:
            return super()._step(stream, batch, progress)
        with named('interaction'):
            swapped = self.interaction.swap(*self._models, progress)
        with swapped:
            return super()._step(stream, batch, progress)
