# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""The command ``dynkd``, and ``python -m dynkd``: tells the version."""

import argparse
from collections.abc import Sequence
from typing import Optional

from dynkd import __version__


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run from the command line.

    Args:
        arguments (Sequence[str], optional): What follows the command. Defaults to what
            it was called with.
    """
    parser = argparse.ArgumentParser(
        prog='dynkd',
        description='Dynamic knowledge distillation for OpenMMLab.',
        epilog='Training and testing are tools of the libraries: `mim train dynkd '
        'CONFIG`, or tools/train.py in a clone.',
    )
    parser.add_argument('--version', action='version', version=f'dynkd {__version__}')
    parser.parse_args(arguments)
    parser.print_help()


if __name__ == '__main__':
    main()
