# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Convert a 3D ResNeXt of 3D-ResNets-PyTorch or MARS to a recognizer of MMAction2.

The depth, the cardinality, the shortcuts, the input and the classes are read off the
weights. What is written: the checkpoint, and beside it the config of the model that it
loads into strictly, with the same outputs for clips of the size it was trained on.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from dynkd.compat import load_checkpoint_file
from dynkd.exit_status import reports_errors
from dynkd.utils.atomic import replacing

#: Blocks in the four stages of each depth.
DEPTHS = {(3, 4, 6, 3): 50, (3, 4, 23, 3): 101, (3, 8, 36, 3): 152}
#: Mean and deviation that RGB is normalised with, for values up to 255. MARS and the
#: older code of 3D-ResNets-PyTorch subtract ActivityNet's mean; the newer one takes
#: values up to 1 and normalises with those of Kinetics by default.
RGB = {
    'activitynet': ([114.7748, 107.7354, 99.475], [1.0, 1.0, 1.0]),
    'kinetics': ([110.7975, 103.3005, 96.2625], [70.584, 69.1815, 69.7935]),
}
#: MARS subtracts the middle of the range from flow.
FLOW = ([127.5, 127.5], [1.0, 1.0])
#: What PyTorch's `DataParallel` puts before the names.
_PREFIX = 'module.'
_BLOCK = re.compile(r'layer([1-4])\.(\d+)\.')


def read_weights(path: str | Path) -> dict[str, Any]:
    """Read the weights of a published checkpoint.

    Args:
        path (str or Path): The checkpoint, with a ``state_dict`` or one itself.

    Returns:
        dict[str, Tensor]: The weights, without ``module.`` before their names.

    Raises:
        ValueError: If it is no ResNeXt of these repositories.
    """
    checkpoint = load_checkpoint_file(path)
    state = checkpoint.get('state_dict', checkpoint)
    state = {key.removeprefix(_PREFIX): value for key, value in state.items()}
    needed = ('conv1.weight', 'layer1.0.conv2.weight', 'layer4.0.conv3.weight')
    needed += ('fc.weight', 'fc.bias')
    missing = [key for key in needed if key not in state]
    if missing:
        raise ValueError(
            f'{path} is not a ResNeXt of 3D-ResNets-PyTorch or MARS: it has no '
            f'`{"`, `".join(missing)}`. It begins with: '
            f'{", ".join(list(state)[:4]) or "nothing"}.'
        )
    return state


def backbone_config(state: dict[str, Any]) -> dict[str, Any]:
    """Read the architecture off the weights.

    Args:
        state (dict[str, Tensor]): The weights, by their published names.

    Returns:
        dict: Config of a ``dynkd.ResNeXt3D``.

    Raises:
        ValueError: If there is no network of so many blocks, or its kind is unknown.
    """
    blocks = {match.groups() for match in map(_BLOCK.match, state) if match}
    numbers = tuple(sum(stage == str(i) for stage, _ in blocks) for i in (1, 2, 3, 4))
    if numbers not in DEPTHS:
        known = '; '.join(
            f'{", ".join(map(str, own))} ({depth})' for own, depth in DEPTHS.items()
        )
        raise ValueError(
            f'stages of {", ".join(map(str, numbers))} blocks are no depth that is '
            f'known. Known are: {known}.'
        )
    stem, grouped = state['conv1.weight'], state['layer1.0.conv2.weight']
    if grouped.dim() != 5 or grouped.size(2) != 3:
        raise ValueError(
            '`layer1.0.conv2.weight` is no 3x3x3 convolution, but of shape '
            f'{tuple(grouped.shape)}.'
        )
    cardinality = grouped.size(0) // grouped.size(1)
    has_convolutions = any('.downsample.' in key for key in state)
    return dict(
        type='dynkd.ResNeXt3D',
        depth=DEPTHS[numbers],
        cardinality=cardinality,
        in_channels=stem.size(1),
        shortcut_type='B' if has_convolutions else 'A',
        base_channels=stem.size(0),
        width_per_group=grouped.size(0) // cardinality,
        conv1_kernel=tuple(stem.shape[2:]),
    )


def mean_and_std(
    channels: int, normalization: str | None
) -> tuple[list[float], list[float]]:
    """What the input is normalised with.

    Args:
        channels (int): Channels of the input.
        normalization (str or None): ``'activitynet'`` or ``'kinetics'`` for RGB.

    Returns:
        tuple[list[float], list[float]]: Mean and deviation, for values up to 255.

    Raises:
        ValueError: If the input has neither 2 nor 3 channels, if it is RGB and the
            normalisation is not given, or if it is flow and one is given.
    """
    if channels == 2:
        if normalization is not None:
            raise ValueError(
                'these are weights for optical flow, which is normalised in one way: '
                'leave --normalization out.'
            )
        return FLOW
    if channels != 3:
        raise ValueError(
            f'the input has {channels} channels; there is RGB with 3 and flow with 2.'
        )
    if normalization is None:
        raise ValueError(
            'RGB is normalised in two ways, which the weights do not tell: give '
            '--normalization activitynet for MARS and the older 3D-ResNets-PyTorch '
            '(resnext-101-kinetics.pth), or kinetics for the newer one (r3d…_K….pth).'
        )
    return RGB[normalization]


def model_config(
    state: dict[str, Any], normalization: str | None = None
) -> dict[str, Any]:
    """The recognizer into which the converted weights load.

    Args:
        state (dict[str, Tensor]): The weights, by their published names.
        normalization (str, optional): ``'activitynet'`` or ``'kinetics'`` for RGB.
            Defaults to None, for flow.

    Returns:
        dict: Config of MMAction2's ``Recognizer3D``.

    Raises:
        ValueError: If the normalisation or the architecture is unknown.
    """
    backbone = backbone_config(state)
    mean, std = mean_and_std(backbone['in_channels'], normalization)
    classes, features = state['fc.weight'].shape
    return dict(
        type='Recognizer3D',
        backbone=backbone,
        cls_head=dict(
            type='I3DHead',
            num_classes=classes,
            in_channels=features,
            spatial_type='avg',
            dropout_ratio=0.0,
            average_clips='prob',
        ),
        data_preprocessor=dict(
            type='ActionDataPreprocessor',
            mean=mean,
            std=std,
            format_shape='NCTHW',
        ),
    )


def rename(state: dict[str, Any]) -> dict[str, Any]:
    """Give the weights the names that they have in a recognizer.

    Args:
        state (dict[str, Tensor]): The weights, by their published names.

    Returns:
        dict[str, Tensor]: The weights, by MMAction2's names.
    """
    return {
        f'cls_head.fc_cls{key[2:]}' if key.startswith('fc.') else f'backbone.{key}': v
        for key, v in state.items()
    }


def convert(source: str | Path, out: Path, normalization: str | None = None) -> Path:
    """Convert a checkpoint.

    Args:
        source (str or Path): The published checkpoint.
        out (Path): The checkpoint to write.
        normalization (str, optional): ``'activitynet'`` or ``'kinetics'`` for RGB.
            Defaults to None, for flow.

    Returns:
        Path: The config that was written beside it.

    Raises:
        ValueError: If ``source`` is no such checkpoint, or its weights do not fit.
        FileNotFoundError: If there is no such file.
    """
    import torch
    from mmengine.config import Config
    from mmengine.registry import MODELS, DefaultScope

    state = read_weights(source)
    model = model_config(state, normalization)
    with DefaultScope.overwrite_default_scope('mmaction'), torch.device('meta'):
        expected = MODELS.build(model).state_dict()
    weights = rename(state)
    # Checkpoints from before PyTorch 0.4.1 do not count batches.
    for key in expected:
        if key.endswith('num_batches_tracked'):
            weights.setdefault(key, torch.tensor(0))
    _check_fit(weights, expected)
    with replacing(out) as file:
        torch.save(dict(meta={}, state_dict=weights), file)
    config = out.with_suffix('.py')
    Config(
        dict(
            default_scope='mmaction',
            custom_imports=dict(imports=['dynkd'], allow_failed_imports=False),
            model=model,
        )
    ).dump(str(config))
    return config


def _check_fit(weights: dict[str, Any], expected: dict[str, Any]) -> None:
    """Refuse weights that the recognizer would not load strictly."""
    wrong = sorted(
        key
        for key in weights.keys() | expected.keys()
        if key not in weights
        or key not in expected
        or weights[key].shape != expected[key].shape
    )
    if wrong:
        raise ValueError(
            f'{len(wrong)} weights are missing, too many or of another shape than in '
            f'the published networks, as `{"`, `".join(wrong[:3])}`.'
        )


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description='Convert a 3D ResNeXt of 3D-ResNets-PyTorch or MARS to MMAction2.'
    )
    parser.add_argument('source', help='the published checkpoint (.pth)')
    parser.add_argument('out', type=Path, help='the checkpoint to write (.pth)')
    parser.add_argument(
        '--normalization',
        choices=list(RGB),
        help='of RGB, which it needs: activitynet for MARS and the older '
        '3D-ResNets-PyTorch, kinetics for the newer one',
    )
    return parser.parse_args(arguments)


@reports_errors('resnext3d', ValueError, OSError, UnpicklingError)
def main(arguments: list[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments)
    config = convert(args.source, args.out, args.normalization)
    print(f'Wrote {args.out} and {config}')
    return 0


if __name__ == '__main__':
    sys.exit(main())
