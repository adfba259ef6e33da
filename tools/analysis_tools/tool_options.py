# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Options that analysis tools share."""

import argparse
from pathlib import Path
from typing import Optional

from mmengine.config import Config, DictAction


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


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the models of a figure: title, config and checkpoint of each.

    Args:
        parser (argparse.ArgumentParser): The parser.
    """
    parser.add_argument(
        '--model',
        nargs=3,
        required=True,
        action='append',
        metavar=('LABEL', 'CONFIG', 'CHECKPOINT'),
        help='a model, and its title in the figure; may be given several times',
    )


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add the option that overrides a config, which :func:`read_config` applies.

    Args:
        parser (argparse.ArgumentParser): The parser of the tool.
    """
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, help='override the config'
    )


def read_config(args: argparse.Namespace) -> Config:
    """Read the config of the command line.

    Args:
        args (argparse.Namespace): The options, with ``config`` and ``cfg_options``.

    Returns:
        Config: The config, overridden.
    """
    cfg = Config.fromfile(args.config)
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
