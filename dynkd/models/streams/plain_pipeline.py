# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Pipelines of clips with two modalities, for a model that reads one of them."""

from collections.abc import Sequence
from typing import Any

from dynkd.utils import type_name

_PACK, _PAIRED, _READ = (
    f'dynkd.{name}' for name in ('PackModalities', 'PairedTransforms', 'ReadClip')
)
_LOAD, _COMPUTE = 'dynkd.LoadFlow', 'dynkd.ComputeFlow'


def single_modality(value: Any, modality: str) -> Any:
    """Reduce the pipelines in a config to one modality.

    Those of RGB are left with transforms of MMAction2 alone, as far as these have the
    same; those of flow keep DynKD's.

    Args:
        value (Any): A config, or a part of one.
        modality (str): ``'rgb'`` or ``'flow'``.

    Returns:
        Any: The same, with other pipelines where they pack modalities.
    """
    if isinstance(value, dict):
        return {k: single_modality(v, modality) for k, v in value.items()}
    if not isinstance(value, (list, tuple)):
        return value
    kinds = [_kind(item) for item in value if isinstance(item, dict)]
    if _PACK not in kinds:
        return type(value)(single_modality(item, modality) for item in value)
    if modality == 'rgb':
        decoder = 'DecordDecode' if 'DecordInit' in _kinds(value) else 'RawFrameDecode'
        return _rgb(value, dict(type=decoder))
    return [
        dict(step, modalities=modality) if _kind(step) == _PACK else step
        for step in value
    ]


def names_dynkd(value: Any) -> bool:
    """Whether a config names anything of DynKD's registries.

    Args:
        value (Any): A config, or a part of one.

    Returns:
        bool: Whether it does.
    """
    if isinstance(value, dict):
        return any(map(names_dynkd, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(names_dynkd, value))
    return isinstance(value, str) and value.startswith('dynkd.')


def _rgb(steps: Sequence[dict], decoder: dict) -> list[dict]:
    """The steps that make RGB clips, in MMAction2's own transforms."""
    found: list[dict] = []
    for step in steps:
        kind = _kind(step)
        if kind in (_PAIRED, _READ):
            found += _rgb(step['transforms'], decoder)
        elif kind == _COMPUTE:
            inner = step.get('decode') or decoder
            found += [inner] if isinstance(inner, dict) else list(inner)
        elif kind == _PACK:
            found.append(dict(type='PackActionInputs'))
        elif kind != _LOAD:
            found.append(step)
    return found


def _kinds(steps: Sequence[dict]) -> list[str]:
    """The types of steps, and of those inside them."""
    inner = [kind for s in steps for kind in _kinds(s.get('transforms', []))]
    return [_kind(step) for step in steps] + inner


def _kind(step: dict) -> str:
    """The type of a step; one of DynKD by its short name, however it was named."""
    kind = str(step.get('type', ''))
    return f'dynkd.{type_name(kind)}' if kind.startswith('dynkd.') else kind
