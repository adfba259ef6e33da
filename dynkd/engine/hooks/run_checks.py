# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The checks of :class:`RunCheckHook`, apart from those of the data."""

import logging

from mmengine.logging import print_log
from mmengine.runner import EpochBasedTrainLoop, Runner

from dynkd.models.algorithms import Distillation


def check_units(runner: Runner, model: Distillation) -> None:
    """Reject schedules and phases that count epochs in a training without epochs.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.

    Raises:
        ValueError: If a schedule would not change, or a phase never begin.
    """
    loop = runner.train_loop
    if isinstance(loop, EpochBasedTrainLoop):
        return
    found = [f'phase `{phase.name}`' for phase in model.phases[1:] if phase.by_epoch]
    for owner, schedule in model.schedules():
        if schedule.by_epoch:
            found.append(f'{type(schedule).__name__} of {owner}')
    if found:
        raise ValueError(
            f'{found[0]} counts epochs, of which {type(loop).__name__} has none: it '
            'would stay at its beginning. Set `by_epoch=False` there, and count '
            'iterations.'
        )


def check_phase_ends(runner: Runner, model: Distillation) -> None:
    """Reject a phase that the training never reaches.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.

    Raises:
        ValueError: If a phase begins when the training has ended.
    """
    last = model.phases[-1]
    end = runner.max_epochs if last.by_epoch else runner.max_iters
    if last.begin >= end:
        unit = 'epochs' if last.by_epoch else 'iterations'
        raise ValueError(
            f'phase `{last.name}` begins after {last.begin} {unit}, but the training '
            f'ends after {end}. Let it begin earlier, or train longer.'
        )


def check_plateaus(runner: Runner, model: Distillation) -> None:
    """Reject a learning rate that falls because its stream is frozen.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.

    Raises:
        ValueError: If a schedule that follows a metric counts epochs of a phase in
            which its stream is frozen, and after which it learns.
    """
    schedulers = runner.param_schedulers
    if not isinstance(schedulers, dict):
        return
    for phase, then in zip(model.phases, model.phases[1:]):
        for stream in phase.frozen:
            metric = [
                type(own).__name__
                for own in schedulers.get(stream, [])
                if getattr(own, 'need_val_args', False) and own.begin < then.begin
            ]
            learns = any(stream not in later.frozen for later in model.phases)
            if metric and learns and phase.by_epoch:
                raise ValueError(
                    f'param_scheduler: {metric[0]} of stream `{stream}` counts the '
                    f'epochs of phase `{phase.name}`, in which that stream is frozen '
                    'and its metrics stay the same: its learning rate would fall '
                    f'before it learns. Set `begin={then.begin}` there, or take a '
                    'schedule that follows no metric.'
                )


def check_compiling(runner: Runner, model: Distillation) -> None:
    """Warn of what ``torch.compile`` cannot make fast.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.
    """
    reason = model.compiles_again()
    if runner.cfg.get('compile') and reason:
        print_log(
            f'compile: {reason}, which torch compiles anew, up to its '
            '`recompile_limit`; after that the steps run as they are, and only their '
            'parts are compiled. The losses are the same. Leave `compile` out unless '
            'the training is long.',
            logger='current',
            level=logging.WARNING,
        )


def check_statistics(runner: Runner, model: Distillation) -> None:
    """Warn of a student that is validated with running statistics of another network.

    Args:
        runner (Runner): The runner.
        model (Distillation): The distillation.
    """
    reason = model.mixes_statistics()
    hooks = [getattr(hook, 'hook', hook) for hook in runner.hooks]
    if reason and not any('PreciseBN' in type(hook).__name__ for hook in hooks):
        print_log(
            f'{reason}: the running statistics of its batch normalisation are not '
            'those of the student alone, which validates with them. Add '
            "dict(type='mmpretrain.PreciseBNHook', priority='ABOVE_NORMAL') to "
            '`custom_hooks`, which takes them again at the end of each epoch.',
            logger='current',
            level=logging.WARNING,
        )
