# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Export a stream from the checkpoint of a distillation, for its plain library."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmengine.registry import init_default_scope

from dynkd.compat import load_checkpoint_file
from dynkd.utils import shared_preprocessor
from dynkd.utils.cli import Settings, config_of_file
from dynkd.utils.tool import run_tool

if TYPE_CHECKING:
    from torch import Tensor


def weights_of(state: 'dict[str, Tensor]', stream: str) -> 'dict[str, Tensor]':
    """The weights of a stream, with the names that its plain model has.

    Args:
        state (dict[str, Tensor]): The weights of the distillation.
        stream (str): Name of the stream.

    Returns:
        dict[str, Tensor]: The weights of the stream.

    Raises:
        SystemExit: If the checkpoint holds no such stream.
    """
    from dynkd.models.streams import stream_weights

    state = {key.removeprefix('module.'): value for key, value in state.items()}
    weights = stream_weights(state, stream)
    if not weights:
        held = sorted(
            {key.split('.')[1] for key in state if key.startswith('streams.')}
        )
        raise SystemExit(
            f'The checkpoint holds no stream `{stream}`. It holds: '
            f'{", ".join(held) or "none; it is not of a distillation"}. A frozen '
            'stream is not saved: it is the checkpoint that it started from.'
        )
    return weights


def check_out(args: argparse.Namespace) -> None:
    """Refuse to write over what is read.

    Args:
        args (argparse.Namespace): The options.

    Raises:
        SystemExit: If ``out`` or the config beside it is a file that is read, or
            ``out`` is no checkpoint's name.
    """
    if args.out.suffix != '.pth':
        raise SystemExit(f'{args.out}: the checkpoint to write must end with .pth.')
    for path in (args.out, args.out.with_suffix('.py')):
        for read in (args.config, args.checkpoint):
            if path.resolve() == Path(read).resolve():
                raise SystemExit(
                    f'{args.out}: {path} would be written over, which is read. Choose '
                    'another name.'
                )


def main() -> None:
    """Read the options and export."""
    # The algorithms import torch's model libraries; --help answers without them.
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='the config of the distillation')
    parser.add_argument('checkpoint', help='a checkpoint of its run')
    parser.add_argument('out', type=Path, help='the checkpoint to write (.pth)')
    parser.add_argument(
        '--stream', default='student', help='the stream to export (student)'
    )
    parser.add_argument(
        '--branches',
        action='store_true',
        help='keep the branches too, for a stream of another distillation',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=Settings,
        help='settings that override the config',
    )
    args = parser.parse_args()
    check_out(args)
    from dynkd.models.streams import StreamConfig, export_stream, stream_fields

    cfg = config_of_file(args.config)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmengine'))
    streams = cfg.model.get('streams')
    if streams is None:
        raise SystemExit(f'{args.config} has no streams: it is not of a distillation.')
    if args.stream not in streams:
        raise SystemExit(
            f'{args.config} has no stream `{args.stream}`. '
            f'It has: {", ".join(streams)}.'
        )
    spec = stream_fields(args.stream, streams[args.stream])
    # Where the stream started from does not matter here, and may be gone.
    spec['checkpoint'] = None
    checkpoint = load_checkpoint_file(args.checkpoint)
    if 'state_dict' not in checkpoint:
        raise SystemExit(
            f'{args.checkpoint} is not the checkpoint of a distillation: it has no '
            '`state_dict`.'
        )
    config = export_stream(
        StreamConfig.from_cfg(args.stream, spec, shared_preprocessor(cfg)),
        weights_of(checkpoint['state_dict'], args.stream),
        cfg,
        args.out,
        checkpoint.get('meta', {}).get('dataset_meta'),
        args.branches,
    )
    print(f'Wrote {args.out} and {config}')


if __name__ == '__main__':
    run_tool(main)
