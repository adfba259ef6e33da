# Copyright (c) DynKD contributors. Licensed under Apache-2.0.
"""Test the streams of a checkpoint."""

from dynkd.compat import leave_process_group
from dynkd.utils.cli import (
    base_parser,
    build_runner,
    parse_evaluation,
    read_evaluation,
    write_metrics,
)
from dynkd.utils.tool import run_tool


def main() -> None:
    """Read the options, test, and print or save the metrics."""
    parser = base_parser('Test the streams of a checkpoint')
    parser.add_argument('checkpoint', help='the checkpoint of a distillation')
    args = parse_evaluation(parser)
    cfg = read_evaluation(args, 'test')
    cfg.load_from = args.checkpoint
    runner = build_runner(cfg)
    write_metrics(runner.test(), args.out, runner.rank)
    leave_process_group()


if __name__ == '__main__':
    run_tool(main)
