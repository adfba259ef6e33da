# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Train the streams of a config."""

import sys

from dynkd.compat import leave_process_group
from dynkd.utils.cli import (
    add_training_options,
    apply_training_options,
    base_parser,
    build_runner,
    read_config,
)
from dynkd.utils.tool import resume_command, run_tool


def main() -> None:
    """Read the options and train."""
    parser = base_parser('Train the streams of a config')
    add_training_options(parser)
    args = parser.parse_args()
    cfg = read_config(args)
    apply_training_options(cfg, args)
    build_runner(cfg).train()
    leave_process_group()


if __name__ == '__main__':
    run_tool(main, lambda: resume_command(sys.argv))
