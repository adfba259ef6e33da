# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""What a recipe decided, as a table."""

from collections.abc import Iterator, Mapping
from typing import Any

from .compose import Composed


def table(composed: Composed) -> str:
    """What was tapped and why, for a person.

    Args:
        composed (Composed): A distillation that a recipe made.

    Returns:
        str: The lines.
    """
    lines = [f'Method: {composed.method}']
    for name, view in (
        ('student', composed.pair.student),
        ('teacher', composed.pair.teacher),
    ):
        if view is not None:
            million = sum(p.numel() for p in view.model.parameters()) / 1e6
            kind = f'{type(view.model).__name__}, a {view.kind}'
            lines.append(f'  {name}: {kind}, {million:.1f} M parameters')
    for name, cfg in composed.recipe.transfers.items():
        lines.append(f'  {name}: {composed.recipe.reasons.get(name, "")}')
        lines += [f'      {line}' for line in _details(cfg)]
    if 'interaction' in composed.recipe.more:
        lines.append(f'  interaction: {composed.recipe.reasons["interaction"]}')
    lines += [f'  left out: {line}' for line in composed.recipe.left_out]
    lines += [f'  note: {line}' for line in composed.notes]
    return '\n'.join(lines)


def _details(cfg: Mapping[str, Any]) -> Iterator[str]:
    """Taps, connectors and loss of a transfer."""
    if 'source' not in cfg:
        yield f'group {cfg["type"]}'
        return
    yield f'{_taps(cfg["source"])} -> {_taps(cfg["target"])}'
    for part in ('target_connector', 'connector'):
        if part in cfg:
            yield f'added: {_part(cfg[part])}'
    yield _part(cfg['loss'])


def _taps(taps: Any) -> str:
    """One tap or several."""
    return taps if isinstance(taps, str) else f'{taps[0]} … {taps[-1]}'


def _part(cfg: Mapping[str, Any]) -> str:
    """A loss or a connector."""
    rest = [f'{key}={value}' for key, value in cfg.items() if key != 'type']
    return f'{cfg["type"]}({", ".join(rest)})'
