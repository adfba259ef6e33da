# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Options that analysis tools share."""

import argparse
from pathlib import Path
from typing import Optional


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
