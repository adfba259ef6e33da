# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Options that analysis tools share."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from mmengine.config import Config

from dynkd.utils.cli import Settings


def described_parser(description: Optional[str]) -> argparse.ArgumentParser:
    """A parser whose help shows a tool's description as it is written.

    Args:
        description (str, optional): What the tool does, with its line breaks: its
            docstring.

    Returns:
        argparse.ArgumentParser: The parser.
    """
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add the option of the figure to write, which :func:`check_out` checks.

    Args:
        parser (argparse.ArgumentParser): The parser of the tool.
    """
    parser.add_argument('--out', type=Path, required=True, help='the figure (.png)')


def check_out(parser: argparse.ArgumentParser, out: Path) -> None:
    """Check that the figure is to be a PNG.

    Args:
        parser (argparse.ArgumentParser): The parser of the tool, which reports it.
        out (Path): The file to write.
    """
    if out.suffix != '.png':
        parser.error(f'--out must end with .png: {out}')


def models_parser(description: Optional[str]) -> argparse.ArgumentParser:
    """A parser of a tool that draws models side by side, for :func:`parse_models`.

    Args:
        description (str, optional): What the tool does, its docstring.

    Returns:
        argparse.ArgumentParser: The parser, with the config, the models, the figure and
        the part of the data.
    """
    parser = described_parser(description)
    parser.add_argument('config', help='the config whose data are used')
    _add_models(parser)
    add_out(parser)
    add_split(parser)
    add_cfg_options(parser)
    return parser


def parse_models(
    parser: argparse.ArgumentParser, argv: Optional[Sequence[str]]
) -> argparse.Namespace:
    """Read the options of a tool that draws models side by side, and check them.

    Args:
        parser (argparse.ArgumentParser): The parser, from :func:`models_parser`.
        argv (list[str], optional): The arguments; None: the command line's.

    Returns:
        argparse.Namespace: The options.
    """
    args = parser.parse_args(argv)
    check_out(parser, args.out)
    _check_models(parser, args)
    return args


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        '--model',
        nargs=3,
        default=[],
        action='append',
        metavar=('LABEL', 'CONFIG', 'CHECKPOINT'),
        help='a model, and its title in the figure; may be given several times',
    )
    parser.add_argument(
        '--distillation',
        nargs=2,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='a config and a checkpoint of a distillation: its streams are models, by '
        'their names',
    )
    parser.add_argument(
        '--streams',
        nargs='+',
        metavar='NAME',
        help='which streams of the distillation (all)',
    )


def _check_models(parser: argparse.ArgumentParser, args: argparse.Namespace) -> None:
    labels = [label for label, _, _ in args.model]
    if not labels and args.distillation is None:
        parser.error('give a --model, or a --distillation.')
    if args.streams and args.distillation is None:
        parser.error('--streams names streams of a --distillation.')
    if len(set(labels)) < len(labels):
        parser.error(f'the labels of the models must differ: {" ".join(labels)}')


def model_files(args: argparse.Namespace) -> dict[str, Any]:
    """The files of the models, for the values beside a figure.

    Args:
        args (argparse.Namespace): The options.

    Returns:
        dict: ``models``, config and checkpoint by label, and ``distillation``.
    """
    models = {label: files for label, *files in args.model}
    return dict(models=models, distillation=args.distillation)


def write_values(out: Path, values: dict[str, Any], indent: Optional[int] = 1) -> None:
    """Write the values beside a figure, as JSON, and say where both are.

    Args:
        out (Path): The figure.
        values (dict): The values.
        indent (int, optional): Of lists of values; None: all in one line. Defaults to
            1.
    """
    path = out.with_suffix('.json')
    path.write_text(json.dumps(values, indent=indent) + '\n')
    print(f'Wrote {out} and {path}')


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add the option that overrides a config, which :func:`read_config` applies.

    Args:
        parser (argparse.ArgumentParser): The parser of the tool.
    """
    parser.add_argument(
        '--cfg-options', nargs='+', action=Settings, help='override the config'
    )


def read_config(args: argparse.Namespace) -> Config:
    """Read the config of the command line.

    Args:
        args (argparse.Namespace): The options, with ``config`` and ``cfg_options``.

    Returns:
        Config: The config, overridden.

    Raises:
        SystemExit: If the config file does not exist.
    """
    # It imports more than --help needs.
    from dynkd.utils.cli import config_of_file

    cfg = config_of_file(args.config)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    return cfg


def add_split(parser: argparse.ArgumentParser) -> None:
    """Add the option of the part of the data to run on.

    Args:
        parser (argparse.ArgumentParser): The parser of the tool.
    """
    parser.add_argument(
        '--split', choices=['train', 'val', 'test'], default='val', help='(val)'
    )
