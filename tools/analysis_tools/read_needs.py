# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Read off the configs what they need: data, weights, and configs to train before."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from mmengine.config import Config

#: Name of each data set, by type and folder.
DATA = {
    ('BaseSegDataset', 'data/digits/seg'): 'digits (masks)',
    ('CIFAR10', 'data/cifar10'): 'CIFAR-10',
    ('CIFAR100', 'data/cifar100'): 'CIFAR-100',
    ('CocoDataset', 'data/bccd'): 'BCCD',
    ('CocoDataset', 'data/coco'): 'COCO',
    ('CocoDataset', 'data/digits/det'): 'digits (boxes)',
    ('CustomDataset', 'data/cifar10'): 'CIFAR-10 (folders)',
    ('CustomDataset', 'data/digits/cls'): 'digits',
    ('CustomDataset', 'data/stl10'): 'STL-10',
    ('CustomDataset', 'data/tiny-imagenet-200'): 'Tiny-ImageNet',
    ('CustomDataset', 'data/uccs'): 'UCCS',
    ('CustomDataset', 'data/umdfaces'): 'UMDFaces',
    ('ImageNet', 'data/imagenet'): 'ImageNet-1k',
    ('RawframeDataset', 'data/digits/rawframes'): 'moving digits',
    ('RawframeDataset', 'data/hmdb51'): 'HMDB51',
    ('RawframeDataset', 'data/surv_fights_rawframes'): 'surveillance clips',
    ('RawframeDataset', 'data/ucf101'): 'UCF101',
    ('VOCDataset', 'data/VOCdevkit'): 'PASCAL VOC',
}
#: Keys of a config under which a path or address of weights stands.
WEIGHTS = ('checkpoint', 'pretrained', 'load_from')


@dataclass
class Needs:
    """What a config needs.

    Args:
        data (list[str]): Names of its data sets.
        weights (list[str]): Addresses of published weights, paths of converted ones.
        first (list[str]): Configs that are trained before it, in that order.
    """

    data: list[str] = field(default_factory=list)
    weights: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)


def data_of(cfg: Config) -> list[str]:
    """Find the data sets of a config.

    Args:
        cfg (Config): The config.

    Returns:
        list[str]: Their names.

    Raises:
        KeyError: If there is one that :data:`DATA` does not name.
    """
    found: dict[str, None] = {}

    def visit(part: Any) -> None:
        if isinstance(part, dict):
            if 'data_root' in part:
                root = part['data_root'].rstrip('/')
                for split in ('/train', '/val', '/test'):
                    root = root.removesuffix(split)
                found[DATA[part['type'], root]] = None
            part = list(part.values())
        if isinstance(part, (list, tuple)):
            for own in part:
                visit(own)

    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        visit(cfg.get(loader))
    return list(found)


def weights_in(model: Any) -> dict[str, None]:
    """Find the weights that a model config names.

    Args:
        model (Any): The config, or a part of it.

    Returns:
        dict[str, None]: Paths and addresses, as the keys.
    """
    found: dict[str, None] = {}
    if isinstance(model, dict):
        for key, value in model.items():
            if key in WEIGHTS and isinstance(value, str):
                found[value] = None
            else:
                found |= weights_in(value)
    elif isinstance(model, (list, tuple)):
        for value in model:
            found |= weights_in(value)
    return found


def weights_of(cfg: Config, resolve: Callable[[Config, str], Any]) -> list[str]:
    """Find the weights that a config starts from.

    Args:
        cfg (Config): The config.
        resolve (Callable): Finds the whole model of a stream, of config and name.

    Returns:
        list[str]: Paths and addresses. Those that the whole checkpoint of a stream
        replaces are left out.
    """
    found: dict[str, None] = {}
    for name, stream in cfg.model.get('streams', {}).items():
        if stream.get('checkpoint') is not None:
            found[stream.checkpoint] = None
        else:
            found |= weights_in(resolve(cfg, name))
    if 'streams' not in cfg.model:
        found |= weights_in(cfg.model)
    return list(found | weights_in(dict(load_from=cfg.get('load_from'))))


def made_by(name: str, cfg: Config) -> dict[str, str]:
    """What a config writes that others start from.

    Args:
        name (str): Name of the config.
        cfg (Config): The config.

    Returns:
        dict[str, str]: The config's name by the path of each file.
    """
    folder = cfg.get('work_dir') or f'work_dirs/{name.split("/")[1]}'
    files = [f'epoch_{cfg.train_cfg.max_epochs}.pth']
    for hook in cfg.get('custom_hooks', ()):
        if hook.type == 'dynkd.ExportHook':
            kind = '_with-branches' if hook.get('branches') else ''
            files += [f'{stream}{kind}.pth' for stream in hook.streams]
    return {f'{folder}/{file}': name for file in files}


def read_needs(
    names: Sequence[str],
    read: Callable[[str], Config],
    resolve: Callable[[Config, str], Any],
) -> dict[str, Needs]:
    """Find what configs need.

    Args:
        names (sequence of str): Names of all configs, ``'dkd/fcos_r50_r50half_coco'``.
        read (Callable): Reads a config by its name.
        resolve (Callable): Finds the whole model of a stream, of config and name.

    Returns:
        dict[str, Needs]: By the config's name.

    Raises:
        KeyError: If a config needs data that are not known, or a file that no other
            config writes.
    """
    makers: dict[str, str] = {}
    weights = {}
    needs = {}
    for name in names:
        cfg = read(name)
        makers |= made_by(name, cfg)
        weights[name] = weights_of(cfg, resolve)
        needs[name] = Needs(data=data_of(cfg))

    def add_first(needed: Needs, name: str) -> None:
        for path in weights[name]:
            if path.startswith('work_dirs/'):
                if path not in makers:
                    raise KeyError(f'{name} needs {path}, which no config writes')
                add_first(needed, makers[path])
                if makers[path] not in needed.first:
                    needed.first.append(makers[path])
            elif path not in needed.weights:
                needed.weights.append(path)

    for name, needed in needs.items():
        add_first(needed, name)
    return needs
