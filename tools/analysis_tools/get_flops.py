# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Count parameters and operations of the streams of a config.

    python tools/analysis_tools/get_flops.py configs/dkd/swin-s_swin-t_in1k.py \
        --shape 3 224 224

A row for each stream, as it is exported: its parameters, and the operations of one
forward pass of one input, backbone to head, by MMEngine's counter (a multiplication
with its addition is one). Below: what the training has besides, the branches on each
stream and the connectors of each transfer. A config of one plain model works too. No
weights are loaded, so that none are needed.
"""

import argparse
import copy
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope
from plain_streams import build, read_streams
from tool_options import add_cfg_options, described_parser, read_config
from torch import nn


def parse_args(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the options.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    parser = described_parser(__doc__)
    parser.add_argument('config', help='a config of a distillation, or of a model')
    parser.add_argument(
        '--stream',
        nargs='+',
        metavar='NAME',
        help='the streams to count (all). Name one where they read different inputs',
    )
    parser.add_argument(
        '--shape',
        nargs='+',
        type=int,
        metavar='N',
        help="shape of an input without the batch, 3 224 224 (the streams' "
        '`input_shape`, which may be another than that of the data)',
    )
    parser.add_argument('--out', type=Path, help='a file for the numbers (.json)')
    add_cfg_options(parser)
    return parser.parse_args(argv)


class WholeForward(nn.Module):
    """A model that runs from its input to what its head gives.

    Detectors with proposals need to know the size of the images, and recognizers to be
    told not to stop behind the backbone.

    Args:
        model (nn.Module): A model of MMPretrain, MMDetection, MMAction2 or
            MMSegmentation.
        scope (str): Its library.
    """

    def __init__(self, model: nn.Module, scope: str) -> None:
        super().__init__()
        self.model = model
        self.scope = scope

    def forward(self, inputs: torch.Tensor) -> Any:
        """Run the model.

        Args:
            inputs (Tensor): A batch of inputs.

        Returns:
            Any: What the model gives in the mode ``'tensor'``.
        """
        if self.scope == 'mmaction':
            return self.model(inputs, mode='tensor', stage='head')
        if self.scope != 'mmdet':
            return self.model(inputs, mode='tensor')
        from mmdet.structures import DetDataSample

        shape = tuple(inputs.shape[-2:])
        meta = dict(img_shape=shape, ori_shape=shape, pad_shape=shape)
        meta.update(batch_input_shape=shape, scale_factor=(1.0, 1.0))
        samples = [DetDataSample(metainfo=meta) for _ in inputs]
        return self.model(inputs, samples, mode='tensor')


def count_operations(model: nn.Module, scope: str, shape: Sequence[int]) -> int:
    """Count the operations of one forward pass.

    Args:
        model (nn.Module): The model.
        scope (str): Its library.
        shape (sequence of int): Shape of an input, without the batch.

    Returns:
        int: Multiplications with their additions, and the operations of norm layers.
    """
    from mmengine.analysis import get_model_complexity_info

    inputs = (torch.zeros(1, *shape),)
    with torch.no_grad():
        info = get_model_complexity_info(
            WholeForward(model, scope), None, inputs, show_table=False, show_arch=False
        )
    return int(info['flops'])


def parameters(*modules: Optional[nn.Module]) -> int:
    """Count parameters.

    Args:
        *modules (nn.Module, optional): The modules; None has none.

    Returns:
        int: How many numbers they are.
    """
    return sum(
        p.numel() for own in modules if own is not None for p in own.parameters()
    )


def count_extras(cfg: Config, streams: dict[str, Any]) -> dict[str, int]:
    """Count what a distillation trains besides its streams.

    Args:
        cfg (Config): The config of a distillation.
        streams (dict[str, StreamConfig]): Its streams, without weights.

    Returns:
        dict[str, int]: Parameters of the branches of each stream, and of the connectors
        and losses of each transfer, where there are any.
    """
    model = copy.deepcopy(cfg.model)
    for name, stream in streams.items():
        whole = dict(model=stream.model, config=None, scope=stream.scope)
        model.streams[name].update(whole, checkpoint=None)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        built = MODELS.build(model)
    found = {
        f'branches of {name}': parameters(getattr(built.stream(name), 'branches', None))
        for name in streams
    }
    found |= {name: parameters(own) for name, own in built.transfers.items()}
    return {name: number for name, number in found.items() if number}


def count(args: argparse.Namespace) -> dict[str, Any]:
    """Count all that is asked for.

    Args:
        args (Namespace): The options.

    Returns:
        dict: ``streams``, by name with ``parameters``, ``operations`` and ``shape``;
        ``training``, parameters by name.

    Raises:
        SystemExit: If there is no such stream, or it cannot run on such inputs.
    """
    cfg = read_config(args)
    streams = read_streams(cfg)
    names = args.stream or list(streams)
    for name in names:
        if name not in streams:
            raise SystemExit(
                f'{args.config} has no stream `{name}`: {", ".join(streams)}'
            )
    found: dict[str, Any] = dict(streams={}, training={})
    for name in names:
        shape = tuple(args.shape or streams[name].input_shape)
        model = build(streams[name])
        try:
            operations = count_operations(model, streams[name].scope, shape)
        except Exception as error:
            raise SystemExit(
                f'stream `{name}` cannot run on an input of shape {shape} '
                f'({type(error).__name__}: {error}); --shape names another.'
            ) from error
        found['streams'][name] = dict(
            parameters=parameters(model), operations=operations, shape=list(shape)
        )
    if 'streams' in cfg.model:
        found['training'] = count_extras(cfg, streams)
    return found


def table(found: dict[str, Any]) -> str:
    """Write the numbers as a table.

    Args:
        found (dict): What :func:`count` returns.

    Returns:
        str: A line for each stream, and for each part that only the training has.
    """
    lines = [f'{"stream":24}{"parameters":>12}{"operations":>14}  input']
    for name, own in found['streams'].items():
        size, operations = own['parameters'] / 1e6, own['operations'] / 1e9
        shape = 'x'.join(map(str, own['shape']))
        lines.append(f'{name:24}{size:>10.2f} M{operations:>12.2f} G  {shape}')
    if found['training']:
        lines.append('only in training')
    for name, number in found['training'].items():
        lines.append(f'{name:24}{number / 1e6:>10.2f} M')
    return '\n'.join(lines)


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run from the command line.

    Args:
        argv (list[str], optional): The arguments. Defaults to None: the command line's.

    Returns:
        int: The exit status.
    """
    args = parse_args(argv)
    found = count(args)
    print(table(found))
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(found, indent=2) + '\n')
    return 0


def quiet() -> None:
    """Keep MMEngine from listing every module and operation."""
    from mmengine.logging import MMLogger

    MMLogger.get_instance('get_flops', log_level='ERROR')


if __name__ == '__main__':
    quiet()
    sys.exit(main())
