# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a distillation needs besides its model: optimizers, loops and hooks."""

from collections.abc import Sequence
from typing import Any, Optional

from mmengine.config import Config

from dynkd.compat.plain_parts import ON_STREAM
from dynkd.engine import settings
from dynkd.utils import type_name

from .recipe import Recipe
from .text import Base


def runtime(
    cfg: Config,
    recipe: Recipe,
    notes: list[str],
    baseline: Optional[str] = None,
    has_teacher: bool = True,
) -> dict[str, Any]:
    """The settings of a distillation besides its model.

    Args:
        cfg (Config): The student's config.
        recipe (Recipe): The recipe.
        notes (list[str]): Where decisions are noted.
        baseline (str, optional): Log of the student alone. Defaults to None.
        has_teacher (bool): Whether there is a teacher. Defaults to True.

    Returns:
        dict: Fields of a config that inherits from the student's.
    """
    found: dict[str, Any] = {}
    teaches_only = recipe.streams.get('teacher', {}).get('frozen', False)
    learns = has_teacher and not teaches_only
    trained = ('teacher', 'student') if learns else ('student',)
    if settings.needs_stream_optimizers(cfg.get('optim_wrapper'), trained):
        found['optim_wrapper'] = _optimizers(cfg, recipe, trained, notes)
    found['default_hooks'] = dict(checkpoint=_checkpoint(cfg))
    found['custom_hooks'] = _hooks(cfg, recipe, baseline)
    for stage, (_, loop) in settings.LOOPS.items():
        # A loop of another kind stays.
        if settings.stream_loop(cfg.get(f'{stage}_cfg'), stage) is not None:
            found[f'{stage}_cfg'] = dict(type=loop)
    if 'interaction' in recipe.more:
        # A step leaves out the blocks that the teacher's replace.
        found['find_unused_parameters'] = True
    return found


def best_metric(cfg: Config) -> Optional[str]:
    """The metric by which a plain run finds its best checkpoint.

    Args:
        cfg (Config): The student's config.

    Returns:
        str, optional: Its name, as a plain run has it; None if it cannot be told.
    """
    named = _named_metric(cfg)
    if named is not None:
        return named
    return settings.best_metric(cfg.get('val_evaluator'))


def _checkpoint(cfg: Config) -> dict[str, Any]:
    """The hook that saves checkpoints, and the best one by the student's metric."""
    hook: dict[str, Any] = dict(type='dynkd.CheckpointHook')
    best = best_metric(cfg)
    if best is not None:
        hook['save_best'] = f'student/{best}'
        # Of a metric that the base names, its `rule` stays, or MMEngine finds it.
        if _named_metric(cfg) is None:
            hook['rule'] = 'greater'
    return hook


def _named_metric(cfg: Config) -> Optional[str]:
    """The metric that the base names for its best checkpoint."""
    named = cfg.get('default_hooks', {}).get('checkpoint', {}).get('save_best')
    return named if isinstance(named, str) and named != 'auto' else None


def _optimizers(
    cfg: Config, recipe: Recipe, trained: Sequence[str], notes: list[str]
) -> dict[str, Any]:
    """The base's optimizer for each stream, with the teacher's own learning rate."""
    base = cfg.get('optim_wrapper', {})
    rates = {'teacher': recipe.teacher_rate} if 'teacher' in trained else {}
    found = settings.stream_optimizers(base, trained, rates)
    own = found.get('streams', {}).get('teacher', {}).get('optimizer')
    if own is not None:
        notes.append(
            f"the teacher's learning rate is {own['lr']}, a tenth of the student's"
        )
    return found


def _hooks(cfg: Config, recipe: Recipe, baseline: Optional[str]) -> list[Any]:
    """The base's hooks, and those that the method needs."""
    base = cfg.get('custom_hooks') or []
    hooks: list[Any] = [Base('custom_hooks', star=True)] if base else []
    if any(type_name(hook) in ON_STREAM for hook in base):
        hooks = [_for_student(hook) for hook in base]
    needed: list[dict] = [dict(type=f'dynkd.{name}') for name in _needed(recipe)]
    needed.append(dict(type='dynkd.ExportHook', streams=['student']))
    needed.append(dict(type='dynkd.StepCostReportHook'))
    result = dict(type='dynkd.ResultHook')
    needed.append(result if baseline is None else dict(result, baseline=baseline))
    there = [type_name(hook) for hook in base]
    return hooks + [hook for hook in needed if type_name(hook) not in there]


def _needed(recipe: Recipe) -> list[str]:
    """The hooks of the method, beside those of its end."""
    names = ['RunCheckHook', 'ExactResumeHook']
    if 'stores' in recipe.more:
        names.append('StoreHook')
    if 'interaction' in recipe.more:
        names.append('LearningRateHook')
    return names


def _for_student(hook: Any) -> Any:
    """A hook of a plain model, for the student."""
    plain = hook.to_dict() if hasattr(hook, 'to_dict') else dict(hook)
    if type_name(hook) not in ON_STREAM:
        return plain
    return dict(type='dynkd.StreamHook', hook=plain)
