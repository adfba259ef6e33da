# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Stages: where a backbone's resolution drops, and what it returns there."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Callable, Optional, Union

from torch import Tensor, nn

from dynkd.models.taps import (
    PatchGrid,
    as_map,
    find_module,
    find_patch_embed,
    patch_grid,
    probe,
)

#: Stages of a Vision Transformer, as many as a ResNet has (ours).
_TOKEN_STAGES = 4
#: Where OpenMMLab's backbones keep what their stages are made of: a container, or the
#: names of attributes.
_CONTAINERS = ('res_layers', 'layers', 'stages', 'features')
_REMEDY = (
    'Name the modules that end the stages, the last included, shallow to deep: '
    "branches=dict(stages=['backbone.layer1', …], …)."
)


def find_stages(model: nn.Module) -> list[str]:
    """Find the modules of which a backbone's stages are made.

    Args:
        model (nn.Module): A model with a ``backbone``.

    Returns:
        list[str]: Names of modules in the model, such as ``'backbone.layer1'``, in the
        order in which the backbone lists them.

    Raises:
        ValueError: If the backbone keeps them in no place that is known.
    """
    backbone = getattr(model, 'backbone', None)
    if backbone is None:
        raise ValueError(f'{type(model).__name__} has no `backbone`, hence no stages.')
    for place in _CONTAINERS:
        parts: Any = getattr(backbone, place, None)
        if isinstance(parts, (nn.Sequential, nn.ModuleList)) and len(parts):
            return [f'backbone.{place}.{name}' for name, _ in parts.named_children()]
        named = isinstance(parts, (list, tuple)) and len(parts) > 0
        if named and all(isinstance(part, str) for part in parts):
            return [f'backbone.{part}' for part in parts]
    raise ValueError(
        f'no stages found in {type(backbone).__name__}: it has none of '
        f'{", ".join(f"`{place}`" for place in _CONTAINERS)}. {_REMEDY}'
    )


def probe_stages(
    model: nn.Module, input_shape: Sequence[int], stages: Optional[Sequence[str]] = None
) -> tuple[list[str], list[int]]:
    """Run the backbone once to learn which its stages are and how wide each is.

    Neither the modes of the modules nor their buffers nor any random state change.

    Args:
        model (nn.Module): A model with a ``backbone``.
        input_shape (sequence of int): Shape (C, H, W) of the input to run it on.
        stages (sequence of str, optional): Names of the modules that end the stages,
            the last included, shallow to deep. Defaults to None: found. What
            :func:`find_stages` lists is grouped by resolution: a stage ends before the
            resolution changes, so that a wider last convolution belongs to the stage
            before it and a pooling to the stage after it; a group without parameters
            (VGG's last pooling) is not a stage. The blocks of a Vision Transformer,
            whose resolution never changes, are divided into 4 stages of equal depth
            (ours).

    Returns:
        tuple[list[str], list[int]]: Names of the modules that end the stages and the
        channels of their maps, shallow to deep.

    Raises:
        ValueError: If there are no stages, a named one does not exist or returns no
            feature map, they are not in the order in which they run, or the backbone
            does not run on such an input.
    """
    names = find_stages(model) if stages is None else list(stages)
    modules = {name: _find(model, name) for name in names}
    patches = find_patch_embed(model)
    probed = names if patches is None else [patches, *names]
    outputs = {n: call.output for n, call in probe(model, input_shape, probed).items()}
    grid = patch_grid(outputs.pop(patches or '', None))
    if stages is None:
        found = _find_ends(outputs, grid, modules)
        if not found:
            raise ValueError(
                f'{type(model.backbone).__name__} returns no feature maps between its '
                f'layers. {_REMEDY}'
            )
    else:
        found = {name: _named_map(name, outputs.get(name), grid) for name in names}
        if list(outputs) != names:
            raise ValueError(
                f'the stages run in the order {", ".join(outputs)}, but are named as '
                f'{", ".join(names)}. {_REMEDY}'
            )
    return list(found), [stage.size(1) for stage in found.values()]


@contextmanager
def record_stages(model: nn.Module, names: Sequence[str]) -> Iterator[list[Tensor]]:
    """Record what stages return while the model runs.

    The forward hooks exist only inside the ``with`` block. Nothing is copied: a stage
    whose output a later layer changes in place yields the changed map.

    Args:
        model (nn.Module): The model.
        names (sequence of str): Names of the modules that end the stages.

    Yields:
        list[Tensor]: The feature maps (B, C, H, W) in the order of ``names``; filled
        while the model runs, by its last run if there are several.

    Raises:
        ValueError: If a module does not exist; while the model runs, if one returns no
            feature map.
    """
    maps: list[Tensor] = []
    found: dict[str, Tensor] = {}
    patches = find_patch_embed(model)
    grid: Optional[PatchGrid] = None

    def keep(name: str, output: Any) -> None:
        nonlocal grid
        if name == patches:
            grid = patch_grid(output)
            return
        found[name] = _named_map(name, output, grid)
        maps[:] = [found[known] for known in names if known in found]

    heard = names if patches is None else [patches, *names]
    with _listen({name: _find(model, name) for name in heard}, keep):
        yield maps


@contextmanager
def _listen(modules: dict[str, nn.Module], keep: Any) -> Iterator[None]:
    """Call ``keep(name, output)`` whenever one of the modules has run."""

    def hook(name: str) -> Callable[..., None]:
        return lambda module, args, output: keep(name, output)

    handles = [
        module.register_forward_hook(hook(name)) for name, module in modules.items()
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _find(model: nn.Module, name: str) -> nn.Module:
    """The module of that name, or an error with the nearest names."""
    return find_module(model, name, f'stage `{name}`: the model')


def _find_ends(
    outputs: dict[str, Any], grid: Optional[PatchGrid], modules: dict[str, nn.Module]
) -> dict[str, Tensor]:
    """The modules that end the stages, of all that run one after the other."""
    found = {name: _as_map(output, grid) for name, output in outputs.items()}
    maps = {name: own for name, own in found.items() if own is not None}
    if any(not isinstance(o, Tensor) or o.dim() != 3 for o in outputs.values()):
        return _group(maps, modules)
    # The blocks of a Vision Transformer, which have one resolution.
    count, parts = len(maps), min(len(maps), _TOKEN_STAGES)
    ends = [-(-count * part // parts) - 1 for part in range(1, parts + 1)]
    return {name: maps[name] for name in (list(maps)[end] for end in ends)}


def _group(maps: dict[str, Tensor], modules: dict[str, nn.Module]) -> dict[str, Tensor]:
    """The last of each run of modules of one resolution, if the run has parameters."""
    stages: dict[str, Tensor] = {}
    size: Optional[tuple[int, ...]] = None
    last, learns = '', False
    for name, own in maps.items():
        if own.shape[2:] != size:
            if learns:
                stages[last] = maps[last]
            size, learns = own.shape[2:], False
        last = name
        learns = learns or any(True for _ in modules[name].parameters())
    if learns:
        stages[last] = maps[last]
    return stages


def _as_map(output: Any, grid: Optional[PatchGrid]) -> Optional[Tensor]:
    """A stage's output as a map (B, C, H, W), or None if it is not one."""
    if isinstance(output, (tuple, list)) and len(output) == 2:
        grid, output = patch_grid(output), output[0]
    found = as_map(output, grid)
    return found if isinstance(found, Tensor) and found.dim() == 4 else None


def _named_map(
    name: str, output: Union[Tensor, Sequence, None], grid: Optional[PatchGrid]
) -> Tensor:
    """A stage's output as a map, or an error that says what it returns instead."""
    found = _as_map(output, grid)
    if found is not None:
        return found
    if output is None:
        what = 'does not run'
    elif isinstance(output, Tensor):
        what = f'returns a tensor of shape {tuple(output.shape)}'
    else:
        what = f'returns a {type(output).__name__}'
    raise ValueError(
        f'stage `{name}` {what}, not a feature map (B, C, H, W), tokens with their '
        '(H, W), or tokens of the patches that `backbone.patch_embed` makes.'
    )
