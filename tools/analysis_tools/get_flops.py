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
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from tool_options import add_cfg_options, described_parser, read_config

from dynkd.utils.tool import run_tool


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
    # They import torch, without which --help answers.
    from plain_streams import build, read_streams
    from stream_costs import count_extras, count_operations, parameters

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
    quiet()
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
    run_tool(main)
