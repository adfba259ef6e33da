# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Checkpoints of the running statistics that swapped-in blocks update."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from .pairs import Pair

_BatchNorm = nn.modules.batchnorm._BatchNorm
#: What the names of these statistics begin with in a checkpoint.
_PREFIX = 'teacher_stats.'


def save_teacher_stats(
    distillation: nn.Module, teacher: str, pairs: Sequence[Pair]
) -> None:
    """Add to a distillation's state dict what training changes in a frozen teacher.

    A frozen stream is not in checkpoints, so a resumed run would otherwise begin with
    the statistics that the teacher started from.

    Args:
        distillation (nn.Module): The distillation.
        teacher (str): Name of the teacher's stream.
        pairs (list[Pair]): The pairs that swap in its blocks.
    """
    stats = _TeacherStats(teacher, [name for pair in pairs for name in pair.teacher])
    # Hooks, because MMEngine collects state dicts without the modules' own methods.
    distillation._register_state_dict_hook(stats.save)
    distillation._register_load_state_dict_pre_hook(stats.load, with_module=True)


class _TeacherStats:
    """The running statistics of some blocks of a stream.

    Args:
        stream (str): Name of the stream.
        blocks (list[str]): Names of the blocks in its model.
    """

    def __init__(self, stream: str, blocks: Sequence[str]) -> None:
        self.stream = stream
        self.blocks = tuple(f'{block}.' for block in blocks)

    def of(self, distillation: Any) -> dict[str, Tensor]:
        """The buffers, by their names in a checkpoint."""
        modules = distillation.stream(self.stream).model.named_modules()
        return {
            f'{_PREFIX}{name}.{key}': buffer
            for name, module in modules
            if isinstance(module, _BatchNorm) and f'{name}.'.startswith(self.blocks)
            for key, buffer in module.named_buffers()
        }

    def save(
        self, module: nn.Module, state_dict: dict, prefix: str, *args: Any
    ) -> None:
        """Add them to a state dict."""
        for name, buffer in self.of(module).items():
            state_dict[prefix + name] = buffer.detach()

    def load(
        self,
        module: nn.Module,
        state_dict: dict,
        prefix: str,
        metadata: dict,
        strict: bool,
        missing_keys: list[str],
        *args: Any,
    ) -> None:
        """Take them out of a state dict."""
        for name, buffer in self.of(module).items():
            if prefix + name in state_dict:
                buffer.copy_(state_dict.pop(prefix + name))
            else:
                missing_keys.append(prefix + name)
