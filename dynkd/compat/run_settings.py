# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The settings that a distillation needs in place of those of a plain model.

They are brought into a runner by :mod:`dynkd.compat.runs`: loops over every stream, an
optimizer for each, ``find_unused_parameters``, and metrics that are the main stream's.
What a config says of a distillation is kept.
"""

from collections.abc import Mapping
from typing import Any, Callable, Optional


def bring_in(runner: Any, model: Any, wrapper: Optional[dict]) -> None:
    """Give a distillation the settings that it needs in place of a plain model's.

    Args:
        runner (Runner): The runner, before its model is wrapped and its hooks are
            built.
        model (nn.Module): Its model.
        wrapper (dict, optional): Config of what wraps it in several processes.
    """
    from dynkd.utils import distillation_in

    model = distillation_in(model)
    if getattr(model, 'needed_hooks', None) is None:
        return
    found = [
        *bring_in_loops(runner),
        *bring_in_optimizers(runner, model),
        *bring_in_unused(runner, model, wrapper),
    ]
    if found:
        say(f'Brought in what this model needs: {"; ".join(found)}.')


def bring_in_loops(runner: Any) -> list[str]:
    """Validate and test every stream, where MMEngine's own loops would one model.

    Args:
        runner (Runner): The runner.

    Returns:
        list[str]: What was changed.
    """
    from dynkd.engine.settings import LOOPS, stream_loop

    said = []
    for stage in LOOPS:
        built = getattr(runner, f'_{stage}_evaluator')
        loop = stream_loop(getattr(runner, f'_{stage}_loop'), stage)
        # An evaluator that is built is one model's.
        if loop is None or not isinstance(built, (Mapping, list, tuple)):
            continue
        setattr(runner, f'_{stage}_loop', loop)
        runner.cfg[f'{stage}_cfg'] = loop
        said.append(f'{stage}_cfg.type={loop["type"]!r}')
    return said


def bring_in_optimizers(runner: Any, model: Any) -> list[str]:
    """Optimise each stream by itself, where there is one optimizer for a plain model.

    A stream that begins with trained weights, other than the main one, learns at a
    tenth of the rate. Where all learn alike, the one optimizer stays.

    Args:
        runner (Runner): The runner.
        model (Distillation): Its model.

    Returns:
        list[str]: What was changed.
    """
    from mmengine.config import Config

    from dynkd.engine.settings import (
        TRAINED_RATE,
        learns_as_one,
        needs_stream_optimizers,
        stream_optimizers,
    )

    base = runner.optim_wrapper
    if not needs_stream_optimizers(base, model.streams):
        return []
    named = base.get('streams') or {}
    rates = {
        name: TRAINED_RATE
        for name in model.streams
        if name != model.main_stream
        and model.stream(name).cfg.checkpoint is not None
        and 'optimizer' not in named.get(name, {})
    }
    if not rates and learns_as_one(base):
        return []
    added = stream_optimizers(base, model.streams, rates)
    whole = Config(dict(optim_wrapper=base))
    whole.merge_from_dict(dict(optim_wrapper=added))
    runner.optim_wrapper = runner.cfg.optim_wrapper = whole.optim_wrapper
    said = [f'optim_wrapper.constructor={added["constructor"]!r}']
    for name, own in added.get('streams', {}).items():
        if 'optimizer' in own:
            said.append(
                f'learning rate of `{name}`, which begins with trained weights, '
                f'{own["optimizer"]["lr"]:g}'
            )
    return said


def bring_in_unused(runner: Any, model: Any, wrapper: Optional[dict]) -> list[str]:
    """Let processes look for parameters without a gradient, where steps leave some.

    Args:
        runner (Runner): The runner.
        model (Distillation): Its model.
        wrapper (dict, optional): Config of what wraps it in several processes.

    Returns:
        list[str]: What was changed.
    """
    name = 'find_unused_parameters'
    written = name in runner.cfg or (wrapper is not None and name in wrapper)
    if not runner.distributed or written or not model.leaves_unused():
        return []
    (runner.cfg if wrapper is None else wrapper)[name] = True
    return [f'{name}=True']


def name_metrics(runner: Any, model: Any) -> None:
    """Take a metric that names no stream for the main stream's.

    These are the metrics of the best checkpoint, of an early end and of learning rates
    that follow one, as a plain config names them.

    Args:
        runner (Runner): The runner.
        model (Distillation): Its model.
    """
    from dynkd.engine.settings import best_metric, loops_over_streams, stream_metric

    if not loops_over_streams(runner._val_loop):
        return
    fused = ['fused'] if runner._val_loop.get('fused') else []
    known = [*model.all_streams, *fused]
    said: dict[str, str] = {}

    def full(name: str) -> str:
        plain = best_metric(runner._val_evaluator) if name == 'auto' else None
        found = stream_metric(plain or name, known, model.main_stream)
        if found != name:
            said[name] = found
        return found

    for hook in runner.hooks:
        if isinstance(getattr(hook, 'save_best', None), list):
            hook.save_best = [full(name) for name in hook.save_best]
            hook._init_rule(hook.rules, hook.save_best)
    for item in [*runner.hooks, *_schedule_configs(runner.param_schedulers)]:
        _rename_monitor(item, full)
    if said:
        named = ', '.join(f'`{name}` is `{own}`' for name, own in said.items())
        say(f'Metrics that name no stream are those of the main stream: {named}.')


def _schedule_configs(schedules: Any) -> list[Any]:
    """The configs of learning-rate schedules, of all streams."""
    if isinstance(schedules, Mapping) and 'type' not in schedules:
        schedules = [item for own in schedules.values() for item in _listed(own)]
    return [item for item in _listed(schedules) if isinstance(item, Mapping)]


def _listed(value: Any) -> list[Any]:
    """One or several, as a list."""
    if isinstance(value, (list, tuple)):
        return list(value)
    return [] if value is None or isinstance(value, str) else [value]


def _rename_monitor(item: Any, full: Callable[[str], str]) -> None:
    """Have a hook, or the config of a schedule, monitor a metric of the main stream."""
    if isinstance(item, Mapping):
        if isinstance(item.get('monitor'), str):
            item['monitor'] = full(item['monitor'])  # type: ignore[index]  # a config
    elif isinstance(getattr(item, 'monitor', None), str):
        item.monitor = full(item.monitor)


def say(text: str) -> None:
    """Log a line.

    Args:
        text (str): The line.
    """
    from mmengine.logging import print_log

    print_log(text, logger='current')
